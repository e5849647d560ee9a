// pmemckpt-ctl remote-cat: files of a pmemckpt-filed, one after the other, to standard output.
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "utils/pmemckpt-ctl/output.hh"
#include "utils/pmemckpt-ctl/progress.hh"
#include "utils/pmemckpt-ctl/remote.hh"
#include "utils/pmemckpt-ctl/remote_file.hh"

namespace pmemckpt::ctl {

namespace {

/// To its end, wherever that is by then: a log that grows has no other.
Status cat(sync::FileSession& session, const std::string& path, Output& output) {
    auto reader = TRY(RemoteReader::open(session, path));
    std::optional<Progress> progress;
    if (::isatty(STDOUT_FILENO) != 1)  // there the file is what is to be seen
        progress.emplace("reading " + path, reader.status().size);
    std::vector<std::byte> piece(sync::kMostFileBytes);
    while (const auto got = TRY(reader.read(piece))) {
        TRY(output.write(std::span(piece).first(got)));
        if (progress)
            progress->advance(got);
    }
    TRY(reader.check_position());
    return reader.close();
}

}  // namespace

Status remote_cat(const Common& common, const RemoteCat& request) {
    if (common.json)
        return fail(EINVAL, "remote-cat has no --json: standard output takes the files");
    const auto session = TRY(open_remote_files(common, request.address));
    auto output = TRY(Output::open("", 0));
    for (const auto& path : request.paths)
        TRY(cat(*session, path, output));
    return {};
}

}  // namespace pmemckpt::ctl
