#pragma once
// One thread around one epoll: an engine's connections and listeners live on it. Sleeps when nothing is to be
// done.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::rdma {

using Clock = std::chrono::steady_clock;

/// Something that lives on a reactor. Its functions are called by the reactor's thread, one at a time; each
/// does a bounded amount of work and returns.
class Source {
public:
    virtual ~Source() = default;
    virtual void on_events(std::uint32_t events) = 0;  ///< of epoll
    virtual void on_deadline() = 0;
    virtual void on_wake() = 0;  ///< some time after Reactor::wake; once for several
    virtual void on_stop() = 0;  ///< the reactor is to end: remove yourself soon

private:
    friend class Reactor;
    std::uint64_t id_ = 0;  // 0: not on the reactor
    int descriptor_ = -1;
    std::uint32_t interest_ = 0;
    std::optional<Clock::time_point> deadline_;
    std::atomic<bool> woken_{false};
};

class Reactor {
public:
    static Result<std::shared_ptr<Reactor>> start();
    ~Reactor();

    /// Any thread. false when the reactor has ended: on_wake will not be called.
    bool wake(const std::shared_ptr<Source>& source);
    bool is_here() const { return std::this_thread::get_id() == thread_id_; }
    /// Returns when all sources are gone. Not from this reactor's thread.
    void stop();

    // The rest is for the reactor's own thread.

    /// ECANCELED once it is to stop.
    Status add(const std::shared_ptr<Source>& source, int descriptor, std::uint32_t interest);
    /// Whether the sources have been told to go.
    bool stopping() const { return told_stop_; }
    void set_interest(Source& source, std::uint32_t interest);
    void set_deadline(Source& source, std::optional<Clock::time_point> deadline);
    /// Before its descriptor is closed.
    void remove(Source& source);

private:
    Reactor() = default;
    void run();
    void dispatch(int timeout_ms);
    void call_woken();
    void call_due();
    void tell_stop();
    int timeout_ms();
    bool ended();

    FileDescriptor epoll_, event_;
    std::unordered_map<std::uint64_t, std::shared_ptr<Source>> sources_;
    std::set<std::pair<Clock::time_point, std::uint64_t>> deadlines_;
    std::vector<std::shared_ptr<Source>> calling_;
    std::uint64_t last_id_ = 0;
    bool told_stop_ = false;

    std::mutex mutex_;  // guards the next three; nothing else is locked or called under it
    std::vector<std::shared_ptr<Source>> woken_;
    bool stopping_ = false, ended_ = false;

    std::thread thread_;
    std::thread::id thread_id_;
};

/// Reactors in turn. Any thread.
class Reactors {
public:
    explicit Reactors(std::vector<std::shared_ptr<Reactor>> reactors) : reactors_(std::move(reactors)) {}
    static Result<std::shared_ptr<Reactors>> start(unsigned count);

    const std::shared_ptr<Reactor>& next() { return reactors_[turn_++ % reactors_.size()]; }
    const std::vector<std::shared_ptr<Reactor>>& all() const { return reactors_; }

private:
    std::vector<std::shared_ptr<Reactor>> reactors_;
    std::atomic<std::size_t> turn_{0};
};

}  // namespace pmemckpt::rdma
