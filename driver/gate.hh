#pragma once
// Who comes before the manager serves waits here: nothing that he says is read by a process that could do
// more than it should.
#include <condition_variable>
#include <mutex>

namespace pmemckpt::driver {

class Gate {
public:
    void open() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return is_open_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_open_ = false;
};

}  // namespace pmemckpt::driver
