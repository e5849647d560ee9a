#include "driver/workers.hh"

#include <algorithm>

#include "lib/base/result.hh"

namespace pmemckpt::driver {

Workers::Workers(unsigned count, unsigned share) : share_(share) {
    require(count > 0 && share > 0, "there is a worker for everybody");
    while (threads_.size() < count)
        threads_.emplace_back([this] { run(); });
}

Workers::~Workers() {
    stop();
}

void Workers::post(const std::string& owner, std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_) {
            const auto queue = queues_.try_emplace(owner).first;
            if (queue->second.tasks.empty())
                turns_.push_back(queue);
            queue->second.tasks.push_back(std::move(task));
            changed_.notify_one();
            return;
        }
    }
    task();
}

void Workers::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable())
            thread.join();
}

// Under the lock. The end: nothing can be run now.
std::list<Workers::Owner>::iterator Workers::next() {
    return std::find_if(turns_.begin(), turns_.end(),
                        [this](const Owner& owner) { return owner->second.running < share_; });
}

void Workers::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        auto turn = next();
        while (turn == turns_.end() && !(stopping_ && turns_.empty())) {
            changed_.wait(lock);
            turn = next();
        }
        if (turn == turns_.end())
            return;
        run_one(lock, turn);
    }
}

void Workers::run_one(std::unique_lock<std::mutex>& lock, std::list<Owner>::iterator turn) {
    const auto owner = *turn;
    auto& queue = owner->second;
    auto task = std::move(queue.tasks.front());
    queue.tasks.pop_front();
    if (queue.tasks.empty())
        turns_.erase(turn);
    else
        turns_.splice(turns_.end(), turns_, turn);
    ++queue.running;
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
    --queue.running;
    if (queue.running == 0 && queue.tasks.empty())
        queues_.erase(owner);
    // His next one may have waited for this one's end; and who stops waits for the last.
    stopping_ ? changed_.notify_all() : changed_.notify_one();
}

}  // namespace pmemckpt::driver
