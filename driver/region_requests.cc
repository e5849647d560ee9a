// Requests about regions.
#include <cerrno>

#include "driver/convert.hh"
#include "driver/list_answer.hh"
#include "driver/requests.hh"

namespace pmemckpt::driver {

Requests::Answer<wire::Region> Requests::create_region(const wire::CreateRegion& request) {
    pool::RegionSettings settings;
    if (request.keep != 0)
        settings.keep = request.keep;
    settings.max_size = request.max_size;
    auto created = pool().create_region(request.name, who_.principal, settings);
    if (created || created.error().code != EEXIST || request.exclusive != 0)
        return std::move(created).map([](const pool::RegionInfo& region) { return to_wire(region); });
    // It may also be a folder of another region, or lie in one: then there is none to be found and the first
    // error says why.
    const auto found = pool().find_region(request.name);
    if (!found)
        return tl::unexpected<Error>(std::move(created).error());
    return to_wire(*found);
}

Requests::Answer<wire::Region> Requests::find_region(const wire::FindRegion& request) {
    return to_wire(TRY(pool().find_region(request.name)));
}

Requests::Answer<wire::Empty> Requests::destroy_region(const wire::DestroyRegion& request) {
    const auto dropped = TRY(pool().destroy_region(request.name));
    services_.waiters.destroyed(pool(), dropped,
                                {ENOENT, fmt::format("region {} was destroyed", request.name)});
    return wire::Empty{};
}

Requests::Answer<wire::RegionList> Requests::list_regions(const wire::ListRegions& request) {
    wire::RegionList list;
    ListAnswer room;
    for (const auto& region : pool().regions(request.after, ListAnswer::kMaximumElements))
        if (!room.add(list.regions, to_wire(region)))
            break;
    return list;
}

}  // namespace pmemckpt::driver
