// Requests about regions.
#include <cerrno>

#include "driver/convert.hh"
#include "driver/drop_watch.hh"
#include "driver/list_answer.hh"
#include "driver/requests.hh"

namespace pmemckpt::driver {

Requests::Answer<wire::Region> Requests::create_region(const wire::CreateRegion& request) {
    pool::RegionSettings settings;
    if (request.keep != 0)
        settings.keep = request.keep;
    settings.max_size = request.max_size;
    const auto created = pool().create_region(request.name, who_.principal, settings);
    if (created) {
        (void)remember(*created);  // where there is no room for it, writing to it says so
        return to_wire(*created);
    }
    if (created.error().code != EEXIST || request.exclusive != 0)
        return tl::unexpected<Error>(created.error());
    // It may also be a folder of another region, or lie in one: then there is none to be found and the first
    // error says why.
    const auto found = pool().find_region(request.name);
    if (!found)
        return tl::unexpected<Error>(created.error());
    (void)remember(*found);
    return to_wire(*found);
}

Requests::Answer<wire::Region> Requests::find_region(const wire::FindRegion& request) {
    auto found = TRY(pool().find_region(request.name));
    (void)remember(found);
    if (found.log.id != 0) {
        TRY(pool().read_log(request.name));  // what was appended since somebody looked last
        found = TRY(pool().find_region(request.name));
    }
    return to_wire(found);
}

Requests::Answer<wire::Empty> Requests::destroy_region(const wire::DestroyRegion& request) {
    const auto region = TRY(pool().find_region(request.name));
    const auto live = services_.regions.of(pool(), region.id);
    std::uint64_t dropped = 0;  // another one of that name may have come in between
    {
        const Locked lock(live->mutex);
        end_log(*live, lock);
        dropped = TRY(pool().destroy_region(request.name));
    }
    const Error why{ENOENT, fmt::format("region {} was destroyed", request.name)};
    services_.waiters.destroyed(pool(), dropped, why);
    services_.log_waiters.destroyed(pool(), dropped, why);
    publish(region.id, wire::EventKind::destroyed, region.newest, region.epoch, who_.principal);
    services_.events.forget(pool(), region.id);
    services_.regions.forget(pool(), region.id);
    epochs_.erase(region.id);
    written_.erase(region.id);
    return wire::Empty{};
}

Requests::Answer<wire::Region> Requests::set_retention(const wire::SetRetention& request) {
    if (request.keep_age_ns < 0)
        return fail(EINVAL, "an age of {} ns: it is 0 or more", request.keep_age_ns);
    const auto before = TRY(pool().find_region(request.name));
    const auto keep = request.keep != 0 ? request.keep : before.settings.keep;
    const DropWatch drops(pool(), before);
    const auto after = TRY(pool().set_retention(request.name, keep, request.keep_age_ns));
    drops.publish(services_.events);
    return to_wire(after);
}

Requests::Answer<wire::Empty> Requests::clear(const wire::Clear& request) {
    const auto entered = TRY(enter(request.name));
    {
        const Locked lock(entered.live->mutex);
        TRY(check_entered(entered, lock));
        end_log(*entered.live, lock);
        TRY(pool().clear(request.name));
    }
    publish(entered.info.id, wire::EventKind::cleared, 0, entered.info.epoch, who_.principal);
    services_.log_waiters.look(pool(), entered.info.id);
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
