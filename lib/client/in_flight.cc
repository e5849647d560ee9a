#include "lib/client/in_flight.hh"

namespace pmemckpt::client {

void InFlight::begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
}

void InFlight::finish(const Status& status) {
    const std::lock_guard lock(mutex_);
    require(count_ > 0, "an operation ends once");
    --count_;
    ++ended_;
    if (!status && !error_)
        error_ = status.error();
    changed_.notify_all();
}

bool InFlight::wait_below(std::size_t limit, Milliseconds stall) const {
    std::unique_lock lock(mutex_);
    while (count_ >= limit) {
        const auto before = ended_;
        if (!changed_.wait_for(lock, stall, [&] { return ended_ != before; }))
            return false;
    }
    return true;
}

void InFlight::wait_for_all() const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ == 0; });
}

std::size_t InFlight::count() const {
    const std::lock_guard lock(mutex_);
    return count_;
}

std::optional<Error> InFlight::error() const {
    const std::lock_guard lock(mutex_);
    return error_;
}

}  // namespace pmemckpt::client
