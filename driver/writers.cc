// Who may write to a region: entering it, being its primary, leaving it. See live_regions.hh.
#include <cerrno>

#include "driver/requests.hh"

namespace pmemckpt::driver {

Status Requests::remember(const pool::RegionInfo& region) {
    if (epochs_.contains(region.id))
        return {};
    if (epochs_.size() >= kMaximumRegionsOfSession)
        return fail(EMFILE, "this session has used {} regions, the limit: connect anew", epochs_.size());
    epochs_.emplace(region.id, region.epoch);
    return {};
}

Result<pool::RegionInfo> Requests::find(const std::string& region) {
    auto found = services_.access.find(pool(), region, who_.principal);
    if (!found && pool().find_region(region))
        record(AuditEvent::request_refused, region,
               fmt::format(
                   "a request is refused: {} has no right at all to region {}, and is told that there is "
                   "none",
                   who_.principal, region));
    return found;
}

Result<pool::RegionInfo> Requests::allowed(const std::string& region, Right right) {
    auto found = TRY(find(region));
    TRY(services_.access.check(pool(), pool::RegionRef(found), who_.principal, right));
    return found;
}

Result<Requests::Entered> Requests::enter(const std::string& region, Right right) {
    Entered entered{TRY(allowed(region, right)), nullptr};
    TRY(remember(entered.info));
    entered.live = services_.regions.of(pool(), entered.info.id);
    const Locked lock(entered.live->mutex);
    entered.info = TRY(check_entered(entered, lock));
    return entered;
}

Result<pool::RegionInfo> Requests::check_entered(const Entered& entered, const Locked&) {
    auto now = pool().find_region(entered.info.name);
    if (!now || now->id != entered.info.id) {
        services_.regions.forget(pool(), entered.info.id);
        return fail(ENOENT, "region {} was destroyed", entered.info.name);
    }
    if (now->epoch != epochs_.at(now->id))
        return tl::unexpected<Error>(fenced(now->name, *entered.live, now->epoch));
    return now;
}

void Requests::become_primary(const Entered& entered, const Locked&) {
    auto& primary = entered.live->primary;
    if (primary && primary->session_id == who_.session_id)
        return;
    primary = Primary{who_.session_id, who_.principal};
    written_.emplace(entered.info.id, entered.info.name);
    publish(entered.info.id, wire::EventKind::primary_connected, entered.info.newest, entered.info.epoch,
            who_.principal, fmt::format("session {} from {}", who_.session_id, channel_->peer().address));
}

void Requests::connection_ended(const Error& why) {
    drafts_.clear();
    clones_.clear();
    for (const auto& [region_id, region] : written_)
        if (leave_region(region_id))
            tell_left(region_id, region, why);
}

bool Requests::leave_region(std::uint64_t region_id) {
    const auto live = services_.regions.find(pool(), region_id);
    if (!live)
        return false;
    const Locked lock(live->mutex);
    if (live->appender && live->appender->session_id == who_.session_id)
        end_log(services_.tables, *live, lock);
    const bool was_primary = live->primary && live->primary->session_id == who_.session_id;
    if (was_primary)
        live->primary.reset();
    return was_primary;
}

void Requests::tell_left(std::uint64_t region_id, const std::string& region, const Error& why) {
    const auto now = pool().find_region(region);
    if (!now || now->id != region_id)
        return;
    const auto kind = said_goodbye_ ? wire::EventKind::primary_left : wire::EventKind::primary_lost;
    publish(region_id, kind, now->newest, now->epoch, who_.principal,
            fmt::format("session {}: {}", who_.session_id, why.message));
}

}  // namespace pmemckpt::driver
