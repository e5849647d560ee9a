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
Result<wire::Generation> newest_of(const pool::Pool& pool, const std::string& region) {
    const auto newest = pool.open_generation(region, 0);
    if (newest)
        return to_wire((*newest)->info());
    if (newest.error().code == ENODATA)
        return wire::Generation{};
    return tl::unexpected<Error>(newest.error());
}

}  // namespace

Requests::Answer<wire::TakenOver> Requests::take_over(const wire::TakeOver& request) {
    const auto found = TRY(pool().find_region(request.name));
    TRY(remember(found));
    const auto live = services_.regions.of(pool(), found.id);
    wire::TakenOver answer;
    const Locked lock(live->mutex);
    const auto before = TRY(pool().find_region(request.name));
    if (before.id != found.id)
        return fail(ENOENT, "region {} was destroyed", request.name);
    // First the windows: whatever is done from here on is done to a region that nobody writes to.
    const auto of_log = end_log(*live, lock);
    const auto killed = of_log + services_.tables.revoke_region_writers(pool_->name, found.id);
    const auto taken = TRY(
        pool().take_over(request.name));  // a cut before: the old epoch, without windows; after: the new one
    live->takeover = Takeover{who_.principal, now_ns(), taken.epoch};
    live->primary.reset();
    live->drop_drafts(taken.epoch);
    epochs_[found.id] = taken.epoch;
    publish(found.id, wire::EventKind::taken_over, taken.newest, taken.epoch, who_.principal,
            fmt::format("session {} from {}", who_.session_id, channel_->peer().address));
    log::notice("region {} was taken over by {}: epoch {} is over, {} windows for writing were killed",
                request.name, who_.principal, before.epoch, killed);
    TRY(pool().read_log(request.name));  // so that the region below has the log's end
    answer.region = to_wire(TRY(pool().find_region(request.name)));
    answer.previous_epoch = before.epoch;
    answer.newest = TRY(newest_of(pool(), request.name));
    if (!request.cursor.empty())
        answer.cursor = TRY(cursor_get({request.name, request.cursor}));
    return answer;
}

}  // namespace pmemckpt::driver
