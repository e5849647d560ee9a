#pragma once
// All sessions of a manager.
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "driver/session.hh"

namespace pmemckpt::driver {

/// Threads: all calls may come from any thread. With the lock held a session is asked for its state at the
/// most.
class Sessions {
public:
    explicit Sessions(Services& services) : services_(services) {}

    /// A new session, or none when there are too many or the manager stops.
    std::shared_ptr<Session> accept(std::shared_ptr<rdma::Connection> connection);
    /// EMFILE when the principal has more sessions than it may.
    Status check_share(const std::string& principal) const;
    void proved();  ///< one session more is authenticated
    /// Ends all sessions of a principal, whose windows are dead on return; how many they were.
    struct Ended {
        std::size_t sessions = 0, windows = 0;
    };
    Ended end_principal(const std::string& principal, const Error& why);
    void remove(std::uint64_t id, bool authenticated);
    void went_idle();

    /// From now on no session is accepted and no request begins; what has come is run.
    void drain();
    /// Waits until nothing runs any more; false when that takes longer than the limit.
    bool wait_idle(std::chrono::milliseconds limit);
    void close_all(const Error& why);
    bool wait_empty(std::chrono::milliseconds limit);

    std::size_t count() const;
    std::vector<std::shared_ptr<Session>> all() const;

    static Error stopping();

private:
    Status check_room() const;
    std::shared_ptr<Session> oldest_unproved() const;
    bool wait(std::chrono::milliseconds limit, const std::function<bool()>& holds);

    Services& services_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t last_id_ = 0;
    bool draining_ = false;
    std::size_t unproved_ = 0;  // sessions that are not authenticated
    std::uint64_t changes_ = 0;
    std::map<std::uint64_t, std::shared_ptr<Session>> sessions_;
};

}  // namespace pmemckpt::driver
