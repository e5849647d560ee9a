#include "driver/events.hh"

#include <cerrno>
#include <chrono>

#include "driver/list_answer.hh"

namespace pmemckpt::driver {

namespace {

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

void cut(std::string& text) {
    if (text.size() > kMaximumEventText)
        text.resize(kMaximumEventText);
}

}  // namespace

void Events::publish(const pool::Pool& pool, std::uint64_t region_id, wire::Event event) {
    const Region region{&pool, region_id};
    {
        const std::lock_guard lock(mutex_);
        store(region, rings_[region], std::move(event));
    }
    tell(region);
}

// Under the lock.
void Events::store(const Region& region, Ring& ring, wire::Event event) {
    event.number = ++ring.last;
    event.time_ns = now_ns();
    cut(event.principal);
    cut(event.detail);
    ring.events.push_back({++last_order_, std::move(event)});
    orders_.emplace(last_order_, region);
    if (ring.events.size() > kEventsOfRegion)
        drop_oldest(ring);
    if (orders_.size() > kEventsOfManager)
        drop_oldest(rings_.at(orders_.begin()->second));
}

void Events::drop_oldest(Ring& ring) {
    orders_.erase(ring.events.front().order);
    ring.events.pop_front();
}

void Events::forget(const pool::Pool& pool, std::uint64_t region_id) {
    const std::lock_guard lock(mutex_);
    const auto found = rings_.find({&pool, region_id});
    if (found == rings_.end())
        return;
    for (const auto& stored : found->second.events)
        orders_.erase(stored.order);
    rings_.erase(found);
}

// Under the lock. Nothing when there is nothing above the number.
std::optional<wire::EventList> Events::after(const Region& region, std::uint64_t number) const {
    const auto found = rings_.find(region);
    if (found == rings_.end() || found->second.events.empty())
        return {};
    const auto& ring = found->second;
    // A number that was never given here is of an earlier manager: all is new.
    const auto seen = number > ring.last ? 0 : number;
    const auto first = ring.events.front().event.number;
    wire::EventList list;
    list.lost = first > seen + 1 ? first - seen - 1 : 0;
    ListAnswer room(sizeof list.lost);
    for (const auto& stored : ring.events)
        if (stored.event.number > seen && !room.add(list.events, stored.event))
            break;
    if (list.events.empty())
        return {};
    return list;
}

void Events::watch(Watcher watcher, std::optional<Deadlines::Clock::time_point> deadline) {
    const Region region{watcher.pool, watcher.region_id};
    std::unique_lock lock(mutex_);
    if (watcher.after == kFromNowOn) {
        const auto ring = rings_.find(region);
        watcher.after = ring == rings_.end() ? 0 : ring->second.last;
    }
    // What is there already is the answer even when there is no time to wait.
    auto now = after(region, watcher.after);
    lock.unlock();
    if (now)
        return watcher.answer(std::move(*now));
    waiting_.add(
        {watcher.session_id, watcher.pool, watcher.region_id, watcher.after, std::move(watcher.answer)},
        deadline, {ETIMEDOUT, "nothing happened to the region in that time"});
    tell(region);  // also of what happened before the watcher stood there
}

void Events::tell(const Region& region) {
    const auto waits = [&](const Waiting::Waiter& waiter) {
        return waiter.pool == region.first && waiter.region_id == region.second;
    };
    // Whoever takes a watcher out answers it, so it is taken only when there is an answer.
    for (const auto& waiter : waiting_.take_if([&](const Waiting::Waiter& one) {
             const std::lock_guard lock(mutex_);
             return waits(one) && after(region, one.want).has_value();
         })) {
        std::unique_lock lock(mutex_);
        auto list = after(region, waiter.want);
        lock.unlock();
        waiter.answer(list ? Result<wire::EventList>(std::move(*list))
                           : fail(ENOENT, "the region was destroyed"));
    }
}

std::size_t Events::stored() const {
    const std::lock_guard lock(mutex_);
    return orders_.size();
}

}  // namespace pmemckpt::driver
