#include "driver/log_waiters.hh"

#include <cerrno>
#include <set>

namespace pmemckpt::driver {

bool is_news(const LogWant& seen, const wire::LogState& now) {
    if (now.generation != seen.generation)
        return true;
    return now.records > (now.log_id == seen.log_id ? seen.after_sequence : 0);
}

Result<wire::LogState> log_state(pool::Pool& pool, const pool::RegionRef& region) {
    const auto view = TRY(pool.read_log(region));
    const auto& log = view.log;
    return wire::LogState{view.region_id, view.generation, log.id, log.records, log.bytes, log.payload_bytes};
}

void LogWaiters::add(List::Waiter waiter, std::optional<Deadlines::Clock::time_point> deadline) {
    auto& pool = *waiter.want.pool;
    const auto region_id = waiter.region_id;
    // What is there already is the answer even when there is no time to wait.
    const auto now = log_state(pool, waiter.want.region);
    if (now && is_news(waiter.want, *now))
        return waiter.answer(now);
    list_.add(std::move(waiter), deadline,
              {ETIMEDOUT, "no new record and no new generation came in that time"});
    look(pool, region_id);
    look_later();
}

void LogWaiters::look(pool::Pool& pool, std::uint64_t region_id) {
    const auto is_of_region = [&](const List::Waiter& waiter) {
        return waiter.pool == &pool && waiter.region_id == region_id;
    };
    std::optional<pool::RegionRef> region;
    list_.for_each([&](const List::Waiter& waiter) {
        if (!region && is_of_region(waiter))
            region = waiter.want.region;
    });
    if (!region)
        return;
    const auto state = log_state(pool, *region);
    if (!state && state.error().code == ENOENT)
        return destroyed(pool, region_id, {ENOENT, fmt::format("region {} was destroyed", region->name)});
    if (!state)
        return destroyed(pool, region_id, state.error());
    list_.complete_if(
        [&](const List::Waiter& waiter) { return is_of_region(waiter) && is_news(waiter.want, *state); },
        *state);
}

void LogWaiters::sealed(const pool::Pool& pool, const pool::GenerationInfo& generation) {
    const wire::LogState state{generation.region_id, generation.number, 0, 0, 0, 0};  // which ended the log
    list_.complete_if(
        [&](const List::Waiter& waiter) {
            return waiter.pool == &pool && waiter.region_id == generation.region_id &&
                   is_news(waiter.want, state);
        },
        state);
}

// One look is due at a time, and none when nobody waits.
void LogWaiters::look_later() {
    const std::lock_guard lock(mutex_);
    if (looks_ || list_.empty())
        return;
    looks_ = true;
    deadlines_.at(Deadlines::Clock::now() + kLogLookPeriod,
                  [this] { workers_.post(":logs", [this] { look_at_all(); }); });
}

void LogWaiters::look_at_all() {
    std::set<std::pair<pool::Pool*, std::uint64_t>> regions;
    list_.for_each([&](const List::Waiter& waiter) { regions.emplace(waiter.want.pool, waiter.region_id); });
    for (const auto& [pool, region_id] : regions)
        look(*pool, region_id);
    {
        const std::lock_guard lock(mutex_);
        looks_ = false;
    }
    look_later();
}

}  // namespace pmemckpt::driver
