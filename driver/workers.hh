#pragma once
// The threads that run requests: what may wait for a disk waits there, never on an engine's thread.
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pmemckpt::driver {

class Workers {
public:
    explicit Workers(unsigned count);
    ~Workers();  ///< stop()

    /// In order of posting, on any of the threads; on the calling one after stop(). The number of tasks is
    /// limited by who posts: a session has one here at a time.
    void post(std::function<void()> task);
    /// Runs what is posted to its end and joins. Once.
    void stop();

private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace pmemckpt::driver
