// pmemckpt-ctl create-region, destroy-region.
#include <cerrno>

#include "lib/base/units.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

std::string losses(const wire::Region& region) {
    return fmt::format("{} of {} in all", plural(region.generations, "generation"),
                       format_size(region.bytes));
}

}  // namespace

Result<std::uint64_t> size_or_zero(const std::string& text) {
    if (text.empty())
        return 0;
    return parse_size(text);
}

Status create_region(const Common& common, const CreateRegion& request) {
    TRY(pool::check_region_name(request.name));
    const client::RegionSettings settings{request.keep, TRY(size_or_zero(request.max_size))};
    const auto client = TRY(client::Client::connect(common.connection));
    const auto region = TRY(client->create_region(request.name, settings, true));
    if (common.json)
        return print(region_json(region));
    return print(fmt::format(
        "{} created: keeps {} of {}; its owner is {}\n", region.name, plural(region.keep, "generation"),
        region.max_size ? "at most " + format_size(region.max_size) : "any size", region.owner));
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
        return print(destroyed_json(region));
    return print(fmt::format("{} destroyed, with {}\n", region.name, losses(region)));
}

}  // namespace pmemckpt::ctl
