#pragma once
// Who handles a connection's events just now: its reactor's thread, or one that attends it. Never both.
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace pmemckpt::rdma::verbs {

class Helm {
public:
    /// For a thread that attends; again if it has it, for as many leave(). false when another has it.
    bool take() {
        if (is_here()) {
            ++depth_;
            return true;
        }
        const std::lock_guard lock(mutex_);
        if (depth_ != 0 && owner_ != std::this_thread::get_id()) {
            refused_at_ = Clock::now();
            return false;
        }
        owner_ = std::this_thread::get_id();
        ++depth_;
        return true;
    }
    /// For the reactor's thread: the same, and who has it sees that it is asked for.
    bool take_or_ask() {
        const std::lock_guard lock(mutex_);
        asked_ = !take_free();
        return !asked_;
    }
    /// For the reactor's thread: the same, but who has it goes on, and is told when it leaves.
    bool take_if_free() {
        const std::lock_guard lock(mutex_);
        looked_for_ = !take_free();
        return !looked_for_;
    }
    bool is_asked_for() const { return asked_; }
    /// How often this thread took it.
    unsigned depth_here() const { return is_here() ? depth_.load() : 0; }
    /// Whether it is free now, and was asked for meanwhile.
    bool give_back() {
        const std::lock_guard lock(mutex_);
        return --depth_ == 0 && asked_.exchange(false);
    }

    enum class Left {
        as_it_was,          // by a thread that has it not, or has taken it more than once
        free,               // for who comes next
        free_and_unlooked,  // the same; the reactor's thread has looked for it meanwhile
        still_had,          // somebody counts on the reactor's thread, which is to get it
    };
    /// Takes back one take(), and leaves it to who comes next, unless it may not be free, or the reactor's
    /// thread has asked for it, or another thread came, and waits in another way.
    Left leave(bool may_be_free) {
        if (!is_here())
            return Left::as_it_was;
        if (depth_ > 1) {
            --depth_;
            return Left::as_it_was;
        }
        const std::lock_guard lock(mutex_);
        if (!may_be_free || asked_ || (refused_at_ && Clock::now() < *refused_at_ + kShared))
            return Left::still_had;
        refused_at_.reset();
        depth_ = 0;
        return std::exchange(looked_for_, false) ? Left::free_and_unlooked : Left::free;
    }
    /// It is free, however often this thread took it; whether it was asked for meanwhile.
    bool give_up() {
        const std::lock_guard lock(mutex_);
        depth_ = 0;
        looked_for_ = false;
        return asked_.exchange(false);
    }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr auto kShared = std::chrono::milliseconds(100);  // others are near, still

    bool take_free() {
        if (depth_ != 0)
            return false;
        owner_ = std::this_thread::get_id();
        depth_ = 1;
        return true;
    }

    /// Whether this thread has it. Only who has it changes that, and how often it took it: so it needs no
    /// lock to know, nor to take it once more.
    bool is_here() const { return depth_ != 0 && owner_.load() == std::this_thread::get_id(); }

    mutable std::mutex mutex_;  // who gets it, and what others leave
    std::atomic<unsigned> depth_{0};
    std::atomic<std::thread::id> owner_;
    std::atomic<bool> asked_{false};
    bool looked_for_ = false;
    std::optional<Clock::time_point> refused_at_;
};

}  // namespace pmemckpt::rdma::verbs
