#include "driver/running_requests.hh"

namespace pmemckpt::driver {

RunningRequests::One RunningRequests::begin() {
    const std::lock_guard lock(mutex_);
    running_.insert(++last_);
    return {*this, last_};
}

void RunningRequests::end(std::uint64_t number) {
    {
        const std::lock_guard lock(mutex_);
        running_.erase(number);
    }
    changed_.notify_all();
}

void RunningRequests::wait_for_earlier() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, last = last_] { return running_.empty() || *running_.begin() > last; });
}

}  // namespace pmemckpt::driver
