#pragma once
// wait_generation requests that are not answered yet: a seal, the region's end, a deadline or the session's
// end completes each.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "driver/wait_list.hh"

namespace pmemckpt::driver {

/// The generation, or why there is none. Called on a sealing thread, the deadlines' or a worker; must not
/// block.
using WaitAnswer = std::function<void(const Result<pool::GenerationInfo>&)>;

struct Waiter {
    std::uint64_t session_id = 0;
    const pool::Pool* pool = nullptr;
    std::uint64_t region_id = 0;
    std::uint64_t after = 0;  ///< a generation with a number above it is waited for
    WaitAnswer answer;
};

/// Threads: all calls may come from any thread; answers are given with no lock held.
class Waiters {
public:
    using Id = std::uint64_t;
    explicit Waiters(Deadlines& deadlines) : list_(deadlines) {}

    /// Without a deadline it waits as long as its session lives.
    Id add(Waiter waiter, std::optional<Deadlines::Clock::time_point> deadline);
    /// Completes one; nothing happens when it is complete already.
    void complete(Id id, const Result<pool::GenerationInfo>& result) { list_.complete(id, result); }

    void sealed(const pool::Pool& pool, const pool::GenerationInfo& generation);
    void destroyed(const pool::Pool& pool, std::uint64_t region_id, const Error& why) {
        list_.complete_region(pool, region_id, why);
    }
    void complete_all(const Error& why) { list_.complete_all(why); }
    void drop_session(std::uint64_t session_id) { list_.drop_session(session_id); }  ///< without an answer

    std::size_t count(std::uint64_t session_id) const { return list_.count(session_id); }

private:
    using List = WaitList<std::uint64_t, pool::GenerationInfo>;  // above which number
    List list_;
};

}  // namespace pmemckpt::driver
