// pmemckpt-ctl restore: a generation becomes a file or a stream, verified.
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "lib/base/log.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/output.hh"
#include "utils/pmemckpt-ctl/receive.hh"
#include "utils/pmemckpt-ctl/target.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

Status check_request(const Common& common, const Restore& request) {
    if (!request.to.empty())
        return {};
    if (common.json)
        return fail(EINVAL, "--json needs --to FILE: standard output takes the generation");
    if (::isatty(STDOUT_FILENO) == 1)
        return fail(EINVAL, "standard output is a terminal: send it elsewhere, or name a file with --to");
    return {};
}

struct Restored {
    wire::Generation generation;
    std::vector<client::Skipped> skipped;  ///< newer ones that don't verify
};

Status report(const Common& common, const Target& target, const Restored& restored, const std::string& to) {
    const auto& generation = restored.generation;
    if (common.json)
        return print(restored_json(target.region, generation, to, restored.skipped));
    return print(fmt::format("{}@{} {} bytes crc32c={} verified, in {}\n", target.region, generation.number,
                             generation.length, crc32c_text(generation.crc32c), to));
}

Result<Restored> restore_one(client::Client& client, const Target& target, const std::string& to) {
    const auto reader = TRY(client.open(target.region, target.number));
    auto output = TRY(Output::open(to, reader->generation().length));
    TRY(receive_verified(*reader, target.region, output));
    return Restored{reader->generation(), {}};
}

/// An error that may be the generation's own fault: an older one may be good.
bool may_be_damage(const Error& error) {
    return error.code == EBADMSG || error.code == EUCLEAN || error.code == EIO;
}

/// Each one is verified before it is written: a stream can't take back what it was given.
Result<Restored> restore_recovered(client::Client& client, const std::string& region, const std::string& to) {
    auto recovered = TRY(client.recover(region));
    for (const auto& [number, why] : recovered.skipped)
        log::warning("{}@{} is skipped: {}", region, number, why);
    auto output = TRY(Output::open(to, recovered.reader->generation().length));
    TRY(receive_verified(*recovered.reader, region, output));
    return Restored{recovered.reader->generation(), std::move(recovered.skipped)};
}

/// The restart ladder. A file is verified as it is written, so that a good newest generation is read once.
Result<Restored> restore_newest_good(client::Client& client, const std::string& region,
                                     const std::string& to) {
    if (is_file_name(to)) {
        auto newest = restore_one(client, {region, 0}, to);
        if (newest || !may_be_damage(newest.error()) || !client.state())
            return newest;
    }
    return restore_recovered(client, region, to);
}

}  // namespace

Result<ExitStatus> restore(const Common& common, const Restore& request) {
    const auto target = TRY(parse_target(request.target));
    TRY(check_request(common, request));
    const auto client = TRY(client::Client::connect(common.connection));
    const bool exact = request.exact || target.number > 0;
    const auto restored = TRY(exact ? restore_one(*client, target, request.to)
                                    : restore_newest_good(*client, target.region, request.to));
    if (!request.to.empty())
        TRY(report(common, target, restored, request.to));
    return restored.skipped.empty() ? kExitSuccess : kExitOlder;
}

}  // namespace pmemckpt::ctl
