#pragma once
// wait_generation requests that are not answered yet. No thread waits for them: a seal, the region's end, a
// deadline or the session's end completes each, exactly once.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "driver/deadlines.hh"
#include "lib/pool/pool.hh"

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
    explicit Waiters(Deadlines& deadlines) : deadlines_(deadlines) {}

    /// Without a deadline it waits as long as its session lives.
    Id add(Waiter waiter, std::optional<Deadlines::Clock::time_point> deadline);
    /// Completes one; nothing happens when it is complete already.
    void complete(Id id, const Result<pool::GenerationInfo>& result);

    void sealed(const pool::Pool& pool, const pool::GenerationInfo& generation);
    void destroyed(const pool::Pool& pool, std::uint64_t region_id, const Error& why);
    void complete_all(const Error& why);
    void drop_session(std::uint64_t session_id);  ///< without an answer

    std::size_t count(std::uint64_t session_id) const;

private:
    struct Waiting {
        Waiter waiter;
        std::optional<Deadlines::Id> deadline;
    };
    using Map = std::map<Id, Waiting>;
    std::vector<Waiting> take_if(const std::function<bool(const Waiter&)>& chosen);

    Deadlines& deadlines_;
    mutable std::mutex mutex_;
    Id last_id_ = 0;
    Map waiting_;
};

}  // namespace pmemckpt::driver
