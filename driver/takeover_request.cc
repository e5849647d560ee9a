// take_over: nobody of an older epoch writes to the region any more, whatever is in flight and whoever hangs.
#include <cerrno>
#include <chrono>

#include "driver/convert.hh"
#include "driver/requests.hh"
#include "lib/base/log.hh"

namespace pmemckpt::driver {

namespace {

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// Number 0 when there is none.
Result<wire::Generation> newest_of(const pool::Pool& pool, const pool::RegionRef& region) {
    const auto newest = pool.open_generation(region, 0);
    if (newest)
        return to_wire((*newest)->info());
    if (newest.error().code == ENODATA)
        return wire::Generation{};
    return tl::unexpected<Error>(newest.error());
}

}  // namespace

Requests::Answer<wire::TakenOver> Requests::take_over(const wire::TakeOver& request) {
    const auto found = TRY(allowed(request.name, Right::take_over));
    if (!request.cursor.empty())
        TRY(allowed(request.name, Right::read));
    TRY(remember(found));
    const auto live = services_.regions.of(pool(), found.id);
    wire::TakenOver answer;
    const Locked lock(live->mutex);
    const auto before = TRY(pool().find_region(pool::RegionRef(found)));
    // First the windows: whatever is done from here on is done to a region that nobody writes to.
    const auto of_log = end_log(services_.tables, *live, lock);
    const auto killed = of_log + services_.tables.revoke_region_writers(pool_->name, found.id);
    // A cut before: the old epoch, without windows; after: the new one.
    const auto taken = TRY(pool().take_over(found));
    live->takeover = Takeover{who_.principal, now_ns(), taken.epoch};
    live->primary.reset();
    live->drop_drafts(taken.epoch);
    epochs_[found.id] = taken.epoch;
    publish(found.id, wire::EventKind::taken_over, taken.newest, taken.epoch, who_.principal,
            fmt::format("session {} from {}", who_.session_id, channel_->peer().address));
    record(AuditEvent::taken_over, request.name,
           fmt::format("region {} was taken over by {}: epoch {} is over, {} windows for writing were killed",
                       request.name, who_.principal, before.epoch, killed));
    TRY(pool().read_log(found));  // so that the region below has the log's end
    answer.region = shown(TRY(pool().find_region(pool::RegionRef(found))));
    answer.previous_epoch = before.epoch;
    if (services_.access.check(pool(), pool::RegionRef(found), who_.principal, Right::read))
        answer.newest = TRY(newest_of(pool(), found));
    if (!request.cursor.empty())
        answer.cursor = TRY(cursor_get({request.name, request.cursor}));
    return answer;
}

}  // namespace pmemckpt::driver
