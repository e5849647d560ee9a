// pmemckpt-ctl create-region, destroy-region, clear, set-retention, pin, unpin.
#include "utils/pmemckpt-ctl/regions.hh"

#include <cerrno>

#include "lib/base/units.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/duration.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/target.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

std::string losses(const wire::Region& region) {
    auto text =
        fmt::format("{} of {} in all", plural(region.generations, "generation"), format_size(region.bytes));
    if (region.log_records > 0)
        text += fmt::format(" and a log of {}", plural(region.log_records, "record"));
    return text;
}

std::string retention(const wire::Region& region) {
    auto text = "keeps " + plural(region.keep, "generation");
    if (region.keep_age_ns > 0)
        text += fmt::format(" and all that are younger than {}", format_duration(region.keep_age_ns));
    return text;
}

}  // namespace

Result<std::uint64_t> size_or_zero(const std::string& text) {
    if (text.empty())
        return 0;
    return parse_size(text);
}

Result<wire::Region> make_region(client::Client& client, const CreateRegion& request, bool exclusive) {
    client::RegionSettings settings;
    settings.keep = request.keep;
    settings.max_size = TRY(size_or_zero(request.max_size));
    settings.keep_age_ns = TRY(duration_or_zero(request.keep_age));
    auto region = TRY(client.create_region(request.name, settings, exclusive));
    if (settings.keep_age_ns == 0 || region.keep_age_ns == settings.keep_age_ns)
        return region;
    return client.set_retention(request.name, 0, settings.keep_age_ns);
}

Status create_region(const Common& common, const CreateRegion& request) {
    TRY(pool::check_region_name(request.name));
    TRY(size_or_zero(request.max_size));
    TRY(duration_or_zero(request.keep_age));
    const auto client = TRY(client::Client::connect(common.connection));
    const auto region = TRY(make_region(*client, request, true));
    if (common.json)
        return print(region_json(region));
    return print(fmt::format("{} created: {}{} of {}; its owner is {}\n", region.name, retention(region),
                             region.keep_age_ns > 0 ? "," : "",
                             region.max_size ? "at most " + format_size(region.max_size) : "any size",
                             region.owner));
}

Status destroy_region(const Common& common, const DestroyRegion& request) {
    TRY(pool::check_region_name(request.name));
    const auto client = TRY(client::Client::connect(common.connection));
    const auto region = TRY(client->find_region(request.name));
    if (!request.force)
        return fail(EINVAL, "{} has {}; destroy-region with --force drops them for good", region.name,
                    losses(region));
    TRY(client->destroy_region(request.name));
    if (common.json)
        return print(dropped_json(region));
    return print(fmt::format("{} destroyed, with {}\n", region.name, losses(region)));
}

Status clear(const Common& common, const Clear& request) {
    TRY(pool::check_region_name(request.region));
    const auto client = TRY(client::Client::connect(common.connection));
    const auto region = TRY(client->find_region(request.region));
    if (!request.force)
        return fail(EINVAL, "{} has {}; clear with --force drops them for good, pinned ones too", region.name,
                    losses(region));
    TRY(client->clear(request.region));
    if (common.json)
        return print(dropped_json(region));
    return print(fmt::format("{} cleared of {}\n", region.name, losses(region)));
}

Status set_retention(const Common& common, const SetRetention& request) {
    TRY(pool::check_region_name(request.region));
    if (request.keep == 0 && request.keep_age.empty())
        return fail(EINVAL, "nothing to set: give --keep N, --keep-age DURATION, or both");
    auto keep_age_ns = TRY(duration_or_zero(request.keep_age));
    const auto client = TRY(client::Client::connect(common.connection));
    const auto before = TRY(client->find_region(request.region));
    if (request.keep_age.empty())
        keep_age_ns = before.keep_age_ns;
    const auto region = TRY(client->set_retention(request.region, request.keep, keep_age_ns));
    if (common.json)
        return print(region_json(region));
    auto text = fmt::format("{} {}", region.name, retention(region));
    if (region.generations < before.generations)
        text += fmt::format("; {} dropped", plural(before.generations - region.generations, "generation"));
    return print(text + "\n");
}

Status pin(const Common& common, const std::string& text, bool pinned) {
    const auto target = TRY(parse_generation(text));
    const auto client = TRY(client::Client::connect(common.connection));
    TRY(client->pin(target.region, target.number, pinned));
    if (!common.json)
        return print(fmt::format("{}@{} {}\n", target.region, target.number,
                                 pinned ? "pinned: retention does not drop it" : "unpinned"));
    const auto generation = client->find_generation(target.region, target.number);
    if (!generation && generation.error().code == ENOENT)
        return fail(ENOENT, "{}@{} was unpinned, and then dropped: nothing else kept it", target.region,
                    target.number);
    return print(generation_json(target.region, TRY(Result<wire::Generation>(generation))));
}

}  // namespace pmemckpt::ctl
