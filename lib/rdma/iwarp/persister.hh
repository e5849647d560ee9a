#pragma once
// Threads that may wait for a medium, so that reactors need not.
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/rdma/iwarp/response_queue.hh"

namespace pmemckpt::rdma::iwarp {

class Persister {
public:
    static constexpr unsigned kMaximumThreads = 2;

    struct Job {
        std::vector<DirtyWindow> dirty;
        std::function<void(Status)> done;  ///< called by one of the threads
    };

    /// Does what was submitted, then ends.
    ~Persister();
    void submit(Job job);

private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> jobs_;  // at most one of each connection
    std::vector<std::thread> threads_;
    unsigned idle_ = 0;
    bool stopping_ = false;
};

}  // namespace pmemckpt::rdma::iwarp
