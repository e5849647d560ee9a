#include "lib/rdma/iwarp/persister.hh"

#include <system_error>

namespace pmemckpt::rdma::iwarp {

namespace {

Status persist(const std::vector<DirtyWindow>& dirty) {
    for (const auto& [window, extents] : dirty)
        TRY(window->persist(extents));
    return {};
}

}  // namespace

Persister::~Persister() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_)
        thread.join();
}

void Persister::submit(Job job) {
    std::unique_lock<std::mutex> lock(mutex_);
    // Threads are there when they are needed; most engines never persist anything.
    if (jobs_.size() >= idle_ && threads_.size() < kMaximumThreads) {
        try {
            threads_.emplace_back([this] { run(); });
        } catch (const std::system_error& error) {
            if (threads_.empty()) {
                lock.unlock();
                job.done(fail(EAGAIN, "can't start a thread: {}", error.what()));
                return;
            }
        }
    }
    jobs_.push_back(std::move(job));
    changed_.notify_one();
}

void Persister::run() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
        ++idle_;
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        --idle_;
        if (jobs_.empty())
            return;
        const Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job.done(persist(job.dirty));
        lock.lock();
    }
}

}  // namespace pmemckpt::rdma::iwarp
