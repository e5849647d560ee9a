#pragma once
// Requests that are answered when something happens. No thread waits for them: what they wait for, a deadline
// or the session's end completes each, exactly once.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "driver/deadlines.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::driver {

/// `Want` says what is waited for, `Value` is the answer. Threads: all calls may come from any thread;
/// answers are given with no lock held, on the caller's thread or the deadlines', and must not block.
template <class Want, class Value>
class WaitList {
public:
    using Id = std::uint64_t;
    struct Waiter {
        std::uint64_t session_id = 0;
        const pool::Pool* pool = nullptr;
        std::uint64_t region_id = 0;
        Want want;
        std::function<void(const Result<Value>&)> answer;
    };

    explicit WaitList(Deadlines& deadlines) : deadlines_(deadlines) {}

    /// Without a deadline it waits as long as its session lives.
    Id add(Waiter waiter, std::optional<Deadlines::Clock::time_point> deadline, Error too_late) {
        const std::lock_guard lock(mutex_);
        const auto id = ++last_id_;
        auto& waiting = waiting_[id];
        waiting.waiter = std::move(waiter);
        // The deadlines' thread takes our lock with none of its own held, so ours may be held here.
        if (deadline)
            waiting.deadline = deadlines_.at(*deadline, [this, id, why = std::move(too_late)] {
                complete(id, tl::unexpected<Error>(why));
            });
        return id;
    }

    /// Completes one; nothing happens when it is complete already.
    void complete(Id id, const Result<Value>& result) {
        std::unique_lock lock(mutex_);
        auto taken = waiting_.extract(id);
        lock.unlock();
        if (taken.empty())
            return;
        if (const auto deadline = taken.mapped().deadline)
            deadlines_.cancel(*deadline);
        taken.mapped().waiter.answer(result);
    }

    /// Takes out all that are `chosen`; who takes them answers them.
    std::vector<Waiter> take_if(const std::function<bool(const Waiter&)>& chosen) {
        std::vector<Waiting> taken;
        {
            const std::lock_guard lock(mutex_);
            for (auto next = waiting_.begin(); next != waiting_.end();) {
                const auto here = next++;
                if (chosen(here->second.waiter))
                    taken.push_back(std::move(waiting_.extract(here).mapped()));
            }
        }
        std::vector<Waiter> waiters;
        for (auto& waiting : taken) {
            if (waiting.deadline)
                deadlines_.cancel(*waiting.deadline);
            waiters.push_back(std::move(waiting.waiter));
        }
        return waiters;
    }

    void complete_if(const std::function<bool(const Waiter&)>& chosen, const Result<Value>& result) {
        for (const auto& waiter : take_if(chosen))
            waiter.answer(result);
    }
    void complete_all(const Error& why) {
        complete_if([](const Waiter&) { return true; }, tl::unexpected<Error>(why));
    }
    void complete_region(const pool::Pool& pool, std::uint64_t region_id, const Error& why) {
        complete_if(
            [&](const Waiter& waiter) { return waiter.pool == &pool && waiter.region_id == region_id; },
            tl::unexpected<Error>(why));
    }
    /// Without an answer.
    void drop_session(std::uint64_t session_id) {
        take_if([&](const Waiter& waiter) { return waiter.session_id == session_id; });
    }

    std::size_t count(std::uint64_t session_id) const {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& one) {
            return one.second.waiter.session_id == session_id;
        }));
    }
    bool empty() const {
        const std::lock_guard lock(mutex_);
        return waiting_.empty();
    }
    /// With our lock held: it must be quick and call nothing of this list.
    void for_each(const std::function<void(const Waiter&)>& look) const {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, waiting] : waiting_)
            look(waiting.waiter);
    }

private:
    struct Waiting {
        Waiter waiter;
        std::optional<Deadlines::Id> deadline;
    };

    Deadlines& deadlines_;
    mutable std::mutex mutex_;
    Id last_id_ = 0;
    std::map<Id, Waiting> waiting_;
};

}  // namespace pmemckpt::driver
