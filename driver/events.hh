#pragma once
// What happened to regions since the manager started, for those who watch them. In memory alone, and bounded:
// the oldest go.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "driver/wait_list.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::driver {

inline constexpr std::size_t kEventsOfRegion = 1024;
inline constexpr std::size_t kEventsOfManager = 65'536;  // of all regions together
inline constexpr std::size_t kMaximumEventText = 256;    // bytes of principal and of detail

/// Threads: all calls may come from any thread; none blocks. Its lock is the innermost but the engine's and
/// the deadlines'.
class Events {
public:
    using EventAnswer = std::function<void(const Result<wire::EventList>&)>;
    static constexpr std::uint64_t kFromNowOn = UINT64_MAX;

    explicit Events(Deadlines& deadlines) : waiting_(deadlines) {}

    /// Gives it its number and its time, and tells those who wait.
    void publish(const pool::Pool& pool, std::uint64_t region_id, wire::Event event);
    /// The region is gone: its events are forgotten once who waits has been told of the last.
    void forget(const pool::Pool& pool, std::uint64_t region_id);

    struct Watcher {
        std::uint64_t session_id = 0;
        const pool::Pool* pool = nullptr;
        std::uint64_t region_id = 0;
        std::uint64_t after = 0;  ///< kFromNowOn: the next one
        EventAnswer answer;
    };
    /// Answers at once when there is an event above `after`, else when there is; ETIMEDOUT at the deadline.
    void watch(Watcher watcher, std::optional<Deadlines::Clock::time_point> deadline);

    void complete_all(const Error& why) { waiting_.complete_all(why); }
    void complete_region(const pool::Pool& pool, std::uint64_t region_id, const Error& why) {
        waiting_.complete_region(pool, region_id, why);
    }
    void drop_session(std::uint64_t session_id) { waiting_.drop_session(session_id); }
    std::size_t count(std::uint64_t session_id) const { return waiting_.count(session_id); }
    std::size_t stored() const;

private:
    using Region = std::pair<const pool::Pool*, std::uint64_t>;
    using Waiting = WaitList<std::uint64_t, wire::EventList>;
    struct Stored {
        std::uint64_t order = 0;  // among those of all regions
        wire::Event event;
    };
    struct Ring {
        std::uint64_t last = 0;  // number
        std::deque<Stored> events;
    };
    void store(const Region& region, Ring& ring, wire::Event event);
    void drop_oldest(Ring& ring);
    std::optional<wire::EventList> after(const Region& region, std::uint64_t number) const;
    void tell(const Region& region);

    mutable std::mutex mutex_;
    std::uint64_t last_order_ = 0;
    std::map<Region, Ring> rings_;
    std::map<std::uint64_t, Region> orders_;  // each stored event's region, oldest first
    Waiting waiting_;
};

}  // namespace pmemckpt::driver
