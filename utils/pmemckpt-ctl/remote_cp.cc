// pmemckpt-ctl remote-cp: files to or from a pmemckpt-filed, each whole or not there.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "utils/pmemckpt-ctl/input.hh"
#include "utils/pmemckpt-ctl/interrupt.hh"
#include "utils/pmemckpt-ctl/output.hh"
#include "utils/pmemckpt-ctl/progress.hh"
#include "utils/pmemckpt-ctl/remote.hh"
#include "utils/pmemckpt-ctl/remote_file.hh"
#include "utils/pmemckpt-ctl/remote_json.hh"
#include "utils/pmemckpt-ctl/remote_paths.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr unsigned kPermissions = 0777;
constexpr unsigned kOwnerMay = 0600;  // a service that may not open a file can't roll it back

/// Of a new file; of one that is there, as it is. EINVAL when that is a folder.
Result<std::uint32_t> mode_at_service(sync::FileSession& session, const RemoteCopies::One& copy) {
    const auto there = session.stat(copy.to);
    if (there)
        return there->mode | kOwnerMay;
    if (there.error().code == EINVAL)
        return fail(EINVAL, "{} at {} is a folder, or no plain file: end it with a slash to copy into it",
                    copy.to, session.address());
    if (there.error().code != ENOENT)
        return tl::unexpected(there.error());
    struct stat source {};
    const bool is_file =
        !is_standard_stream(copy.from) && ::stat(copy.from.c_str(), &source) == 0 && S_ISREG(source.st_mode);
    return without_umask(is_file ? source.st_mode & kPermissions : kNewFileMode) | kOwnerMay;
}

/// To the size that the input had, or to the end of one that has none.
Status send_all(Input& input, RemoteDraft& draft, const Interrupt& interrupt) {
    Progress progress("copying " + input.name(), input.size().value_or(0));
    std::vector<std::byte> piece(sync::kMostFileBytes);
    for (;;) {
        const auto left = input.size().value_or(UINT64_MAX) - draft.written();
        const auto wanted = std::min<std::uint64_t>(left, piece.size());
        const auto got = TRY(input.read(std::span(piece).first(static_cast<std::size_t>(wanted))));
        TRY(interrupt.check());
        if (got == 0)
            return input.check_unchanged();
        TRY(draft.write(std::span(piece).first(got)));
        progress.advance(got);
    }
}

Result<std::uint64_t> copy_to_service(sync::FileSession& session, const RemoteCopies::One& copy) {
    const Interrupt interrupt;
    auto input = TRY(Input::open(copy.from));
    const auto mode = TRY(mode_at_service(session, copy));
    auto draft = TRY(RemoteDraft::make(session, copy.to, mode));
    auto done = send_all(input, draft, interrupt);
    if (done)
        done = draft.commit();
    if (!done)
        return tl::unexpected(draft.give_up(done.error()));
    return draft.written();
}

Status receive_all(RemoteReader& reader, const std::string& from, Output& output) {
    const auto size = reader.status().size;
    Progress progress("copying " + from, size);
    std::vector<std::byte> piece(sync::kMostFileBytes);
    for (std::uint64_t left = size; left > 0;) {
        const auto wanted = std::min<std::uint64_t>(left, piece.size());
        const auto got = TRY(reader.read(std::span(piece).first(static_cast<std::size_t>(wanted))));
        if (got == 0)
            break;
        TRY(output.write(std::span(piece).first(got)));
        progress.advance(got);
        left -= got;
    }
    return reader.check_unchanged();
}

Result<std::uint64_t> copy_from_service(sync::FileSession& session, const RemoteCopies::One& copy) {
    auto reader = TRY(RemoteReader::open(session, copy.from));
    const auto& status = reader.status();
    auto output = TRY(
        Output::open(is_standard_stream(copy.to) ? "" : copy.to, status.size, status.mode & kPermissions));
    TRY(receive_all(reader, copy.from, output));
    TRY(reader.close());
    TRY(output.commit());
    return status.size;
}

/// With paths as they were given.
Copied copied(const RemoteCopies& copies, const RemoteCopies::One& one, std::uint64_t bytes) {
    const std::string at_service(1, kAtService);
    return copies.to_service ? Copied{one.from, at_service + one.to, bytes}
                             : Copied{at_service + one.from, one.to, bytes};
}

}  // namespace

Status remote_cp(const Common& common, const RemoteCopy& request) {
    const auto copies = TRY(plan_copies(request.paths));
    const bool is_streamed = !copies.to_service && is_standard_stream(copies.all.front().to);
    if (is_streamed && common.json)
        return fail(EINVAL, "--json needs a file as destination: standard output takes its bytes");
    const auto session = TRY(open_remote_files(common, request.address));
    std::vector<Copied> done;
    for (const auto& one : copies.all) {
        const auto bytes =
            TRY(copies.to_service ? copy_to_service(*session, one) : copy_from_service(*session, one));
        done.push_back(copied(copies, one, bytes));
        if (!is_streamed && !common.json)
            TRY(print(fmt::format("{} {} bytes, in {}\n", done.back().from, bytes, done.back().to)));
    }
    return common.json ? print(copied_json(done)) : Status();
}

}  // namespace pmemckpt::ctl
