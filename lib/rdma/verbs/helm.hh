#pragma once
// Who handles a connection's events just now: its reactor's thread, or one that attends it. Never both.
#include <mutex>
#include <thread>
#include <utility>

namespace pmemckpt::rdma::verbs {

class Helm {
public:
    /// For a thread that attends; again if it has it, for as many give_back(). false when another has it.
    bool take() {
        const std::lock_guard lock(mutex_);
        if (depth_ != 0 && owner_ != std::this_thread::get_id())
            return false;
        owner_ = std::this_thread::get_id();
        ++depth_;
        return true;
    }
    /// For the reactor's thread: the same, and who has it sees that it is asked for.
    bool take_or_ask() {
        const std::lock_guard lock(mutex_);
        asked_ = depth_ != 0;
        if (asked_)
            return false;
        owner_ = std::this_thread::get_id();
        depth_ = 1;
        return true;
    }
    bool is_asked_for() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }
    /// How often this thread took it.
    unsigned depth_here() const {
        const std::lock_guard lock(mutex_);
        return owner_ == std::this_thread::get_id() ? depth_ : 0;
    }
    /// Whether it is free now, and was asked for meanwhile.
    bool give_back() {
        const std::lock_guard lock(mutex_);
        return --depth_ == 0 && std::exchange(asked_, false);
    }
    /// The same, and it is free, however often this thread took it.
    bool give_up() {
        const std::lock_guard lock(mutex_);
        depth_ = 0;
        return std::exchange(asked_, false);
    }

private:
    mutable std::mutex mutex_;
    unsigned depth_ = 0;
    std::thread::id owner_;
    bool asked_ = false;
};

}  // namespace pmemckpt::rdma::verbs
