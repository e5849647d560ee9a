#pragma once
// wait_log requests. Records come by RDMA, past the manager: while somebody waits it looks for them, and when
// an appender hints.
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "driver/wait_list.hh"
#include "driver/workers.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::driver {

inline constexpr std::chrono::milliseconds kLogLookPeriod{10};

/// What the waiter has seen.
struct LogWant {
    pool::Pool* pool = nullptr;  ///< where to look
    pool::RegionRef region = "";
    std::uint64_t generation = 0, log_id = 0, after_sequence = 0;
};

/// Whether there is more than that: another newest generation, or a record behind.
bool is_news(const LogWant& seen, const wire::LogState& now);

/// Of a region: its newest generation and its log, looked at anew. May wait for the medium.
Result<wire::LogState> log_state(pool::Pool& pool, const pool::RegionRef& region);

/// Threads: all calls may come from any thread.
class LogWaiters {
public:
    using List = WaitList<LogWant, wire::LogState>;
    LogWaiters(Deadlines& deadlines, Workers& workers)
        : deadlines_(deadlines), workers_(workers), list_(deadlines) {}

    /// Answers at once when there is news, else when there is; ETIMEDOUT at the deadline. May wait for the
    /// medium.
    void add(List::Waiter waiter, std::optional<Deadlines::Clock::time_point> deadline);
    /// Looks at the region's log if somebody waits for it. May wait for the medium.
    void look(pool::Pool& pool, std::uint64_t region_id);
    void sealed(const pool::Pool& pool, const pool::GenerationInfo& generation);
    void destroyed(const pool::Pool& pool, std::uint64_t region_id, const Error& why) {
        list_.complete_region(pool, region_id, why);
    }
    void complete_all(const Error& why) { list_.complete_all(why); }
    void drop_session(std::uint64_t session_id) { list_.drop_session(session_id); }
    std::size_t count(std::uint64_t session_id) const { return list_.count(session_id); }

private:
    void look_later();
    void look_at_all();

    Deadlines& deadlines_;
    Workers& workers_;
    List list_;
    std::mutex mutex_;
    bool looks_ = false;  // the next look at all is under way, or due
};

}  // namespace pmemckpt::driver
