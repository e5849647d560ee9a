#include "driver/deadlines.hh"

namespace pmemckpt::driver {

Deadlines::Deadlines() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

Deadlines::~Deadlines() {
    stop();
}

void Deadlines::stop() {
    thread_.request_stop();
    if (thread_.joinable())
        thread_.join();
}

Deadlines::Id Deadlines::at(Clock::time_point when, std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    const auto id = ++last_id_;
    calls_.emplace(Due{when, id}, std::move(call));
    times_.emplace(id, when);
    changed_.notify_one();
    return id;
}

void Deadlines::cancel(Id id) {
    std::function<void()> dropped;  // what it holds may need our lock when it goes
    const std::lock_guard lock(mutex_);
    const auto time = times_.find(id);
    if (time == times_.end())
        return;
    const auto call = calls_.find(Due{time->second, id});
    dropped = std::move(call->second);
    calls_.erase(call);
    times_.erase(time);
}

void Deadlines::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        if (calls_.empty()) {
            changed_.wait(lock, stop, [this] { return !calls_.empty(); });
            continue;
        }
        const auto next = calls_.begin();
        if (const auto when = next->first.when; Clock::now() < when) {
            changed_.wait_until(lock, stop, when, [this, when] {
                return calls_.empty() || calls_.begin()->first.when != when;
            });
            continue;
        }
        auto call = std::move(next->second);
        times_.erase(next->first.id);
        calls_.erase(next);
        lock.unlock();
        call();
        call = nullptr;
        lock.lock();
    }
}

}  // namespace pmemckpt::driver
