// Requests about regions.
#include <cerrno>

#include "driver/convert.hh"
#include "driver/drop_watch.hh"
#include "driver/list_answer.hh"
#include "driver/requests.hh"

namespace pmemckpt::driver {

wire::Region Requests::shown(const pool::RegionInfo& region) const {
    auto out = to_wire(region);
    out.rights = services_.access.rights(*pool_->pool, region, who_.principal).value_or(Rights()).bits();
    return out;
}

Result<wire::Region> Requests::shown_with_log(const pool::RegionInfo& region) {
    if (region.log.id == 0)
        return shown(region);
    TRY(pool().read_log(region));
    return shown(TRY(pool().find_region(pool::RegionRef(region))));
}

Requests::Answer<wire::Region> Requests::create_region(const wire::CreateRegion& request) {
    pool::RegionSettings settings;
    if (request.keep != 0)
        settings.keep = request.keep;
    settings.max_size = request.max_size;
    const auto created = pool().create_region(request.name, who_.principal, settings);
    if (created) {
        (void)remember(*created);  // where there is no room for it, writing to it says so
        return shown(*created);
    }
    if (created.error().code != EEXIST || request.exclusive != 0)
        return tl::unexpected<Error>(created.error());
    // It may also be a folder of another region, or lie in one, or be one that who is here may not use: then
    // there is none to be found and the first error says why.
    const auto found = find(request.name);
    if (!found)
        return tl::unexpected<Error>(created.error());
    (void)remember(*found);
    return shown(*found);
}

Requests::Answer<wire::Region> Requests::find_region(const wire::FindRegion& request) {
    const auto found = TRY(find(request.name));
    (void)remember(found);
    return shown_with_log(found);
}

Requests::Answer<wire::Empty> Requests::destroy_region(const wire::DestroyRegion& request) {
    const auto region = TRY(allowed(request.name, Right::administer));
    const auto live = services_.regions.of(pool(), region.id);
    {
        const Locked lock(live->mutex);
        end_log(services_.tables, *live, lock);
        TRY(pool().destroy_region(region));
    }
    const Error why{ENOENT, fmt::format("region {} was destroyed", request.name)};
    services_.waiters.destroyed(pool(), region.id, why);
    services_.log_waiters.destroyed(pool(), region.id, why);
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
    const auto before = TRY(allowed(request.name, Right::administer));
    const auto keep = request.keep != 0 ? request.keep : before.settings.keep;
    const DropWatch drops(pool(), before);
    const auto after = TRY(pool().set_retention(before, keep, request.keep_age_ns));
    drops.publish(services_.events);
    return shown_with_log(after);
}

Requests::Answer<wire::Empty> Requests::clear(const wire::Clear& request) {
    const auto entered = TRY(enter(request.name, Right::administer));
    {
        const Locked lock(entered.live->mutex);
        TRY(check_entered(entered, lock));
        end_log(services_.tables, *entered.live, lock);
        TRY(pool().clear(entered.info));
    }
    publish(entered.info.id, wire::EventKind::cleared, 0, entered.info.epoch, who_.principal);
    services_.log_waiters.look(pool(), entered.info.id);
    return wire::Empty{};
}

// Those that who is here may do something with. Others may be very many, so it is asked on till one is found.
Requests::Answer<wire::RegionList> Requests::list_regions(const wire::ListRegions& request) {
    wire::RegionList list;
    ListAnswer room;
    auto after = request.after;
    for (;;) {
        const auto regions = pool().regions(after, ListAnswer::kMaximumElements);
        if (regions.empty())
            return list;
        for (const auto& region : regions) {
            auto one = shown(region);
            if (one.rights != 0 && !room.add(list.regions, std::move(one)))
                return list;
        }
        after = regions.back().name;
    }
}

}  // namespace pmemckpt::driver
