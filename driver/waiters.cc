#include "driver/waiters.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::driver {

Waiters::Id Waiters::add(Waiter waiter, std::optional<Deadlines::Clock::time_point> deadline) {
    const std::lock_guard lock(mutex_);
    const auto id = ++last_id_;
    auto& waiting = waiting_[id];
    waiting.waiter = std::move(waiter);
    // The deadlines' thread takes our lock with none of its own held, so ours may be held here.
    if (deadline)
        waiting.deadline = deadlines_.at(*deadline, [this, id] {
            complete(id, fail(ETIMEDOUT, "no new generation was sealed in that time"));
        });
    return id;
}

void Waiters::complete(Id id, const Result<pool::GenerationInfo>& result) {
    std::unique_lock lock(mutex_);
    auto taken = waiting_.extract(id);
    lock.unlock();
    if (taken.empty())
        return;
    if (const auto deadline = taken.mapped().deadline)
        deadlines_.cancel(*deadline);
    taken.mapped().waiter.answer(result);
}

std::vector<Waiters::Waiting> Waiters::take_if(const std::function<bool(const Waiter&)>& chosen) {
    std::vector<Waiting> taken;
    {
        const std::lock_guard lock(mutex_);
        for (auto next = waiting_.begin(); next != waiting_.end();) {
            const auto here = next++;
            if (chosen(here->second.waiter))
                taken.push_back(std::move(waiting_.extract(here).mapped()));
        }
    }
    for (const auto& waiting : taken)
        if (waiting.deadline)
            deadlines_.cancel(*waiting.deadline);
    return taken;
}

void Waiters::sealed(const pool::Pool& pool, const pool::GenerationInfo& generation) {
    const auto taken = take_if([&](const Waiter& waiter) {
        return waiter.pool == &pool && waiter.region_id == generation.region_id &&
               waiter.after < generation.number;
    });
    for (const auto& waiting : taken)
        waiting.waiter.answer(generation);
}

void Waiters::destroyed(const pool::Pool& pool, std::uint64_t region_id, const Error& why) {
    const auto taken =
        take_if([&](const Waiter& waiter) { return waiter.pool == &pool && waiter.region_id == region_id; });
    for (const auto& waiting : taken)
        waiting.waiter.answer(tl::unexpected<Error>(why));
}

void Waiters::complete_all(const Error& why) {
    for (const auto& waiting : take_if([](const Waiter&) { return true; }))
        waiting.waiter.answer(tl::unexpected<Error>(why));
}

void Waiters::drop_session(std::uint64_t session_id) {
    take_if([&](const Waiter& waiter) { return waiter.session_id == session_id; });
}

std::size_t Waiters::count(std::uint64_t session_id) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& one) {
        return one.second.waiter.session_id == session_id;
    }));
}

}  // namespace pmemckpt::driver
