// pmemckpt-ctl read-log: the records behind the newest generation, in order.
#include <cerrno>

#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/target.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

Status print_record(const Common& common, const std::string& region, const client::Record& record) {
    if (common.json)
        return print(record_line(region, record));
    return print({reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size()});
}

/// Whoever has restored generation N must not apply the records that follow another one.
Status check_follows(const Target& target, std::uint64_t newest) {
    if (target.number == 0 || target.number == newest)
        return {};
    return fail(ENODATA, "{}@{} has no log: generation {} is the newest, and only that one can have",
                target.region, target.number, newest);
}

/// What there is now; nothing when there is no log.
Status read_once(const Common& common, client::Client& client, const Target& target) {
    auto opened = client.read_log(target.region);
    if (!opened && opened.error().code == ENODATA)
        return check_follows(target, TRY(client.find_region(target.region)).newest);
    const auto log = TRY(std::move(opened));
    TRY(check_follows(target, log->generation()));
    while (const auto record = TRY(log->next()))
        TRY(print_record(common, target.region, *record));
    return {};
}

/// Goes on with the next log when a generation is sealed.
Status follow(const Common& common, client::Client& client, const std::string& region) {
    return client.follow(region, {}, [&](const client::Item& item) -> Result<bool> {
        if (item.record)
            TRY(print_record(common, region, *item.record));
        return true;
    });
}

}  // namespace

Status read_log(const Common& common, const ReadLog& request) {
    const auto target = TRY(parse_target(request.target));
    if (request.follow && target.number > 0)
        return fail(EINVAL, "--follow goes on from generation to generation: name the region alone");
    const auto client = TRY(client::Client::connect(common.connection));
    return request.follow ? follow(common, *client, target.region) : read_once(common, *client, target);
}

}  // namespace pmemckpt::ctl
