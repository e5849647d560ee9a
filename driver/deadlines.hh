#pragma once
// Calls at a time: one thread, which sleeps until the next is due.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace pmemckpt::driver {

class Deadlines {
public:
    using Clock = std::chrono::steady_clock;
    using Id = std::uint64_t;

    Deadlines();
    ~Deadlines();  ///< stop()
    /// What is not due yet is forgotten, what is running has ended on return.
    void stop();

    /// `call` runs on the thread of the deadlines, with no lock held; it must not block.
    Id at(Clock::time_point when, std::function<void()> call);
    /// The call may be running at this moment; unknown ids are ignored.
    void cancel(Id id);

private:
    void run(const std::stop_token& stop);

    struct Due {
        Clock::time_point when;
        Id id;
        auto operator<=>(const Due&) const = default;
    };
    std::mutex mutex_;
    std::condition_variable_any changed_;
    Id last_id_ = 0;
    std::map<Due, std::function<void()>> calls_;
    std::map<Id, Clock::time_point> times_;
    std::jthread thread_;  // last: it uses all the others
};

}  // namespace pmemckpt::driver
