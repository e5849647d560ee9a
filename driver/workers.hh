#pragma once
// The threads that run requests: what may wait for a disk waits there, never on an engine's thread.
//
// Tasks have an owner, who gets no more than his share of the threads at a time, and owners take turns: so
// one who asks for much leaves others theirs.
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pmemckpt::driver {

class Workers {
public:
    /// `share`: tasks of one owner that run at the same time.
    Workers(unsigned count, unsigned share);
    ~Workers();  ///< stop()

    /// Those of one owner in order of posting, on any of the threads; on the calling one after stop(). The
    /// number of tasks is limited by who posts: a session has one here at a time.
    void post(const std::string& owner, std::function<void()> task);
    /// Runs what is posted to its end and joins. Once.
    void stop();

private:
    struct Queue {
        std::deque<std::function<void()>> tasks;
        unsigned running = 0;
    };
    using Owner = std::map<std::string, Queue>::iterator;

    void run();
    std::list<Owner>::iterator next();
    void run_one(std::unique_lock<std::mutex>& lock, std::list<Owner>::iterator turn);

    const unsigned share_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Queue> queues_;  // of owners who have a task, or one that runs
    std::list<Owner> turns_;               // of those whose tasks wait, the next one first
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace pmemckpt::driver
