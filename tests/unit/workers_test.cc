// The threads that run requests: each owner has its share of them, and its turn.
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "driver/workers.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using driver::Workers;

namespace {

constexpr std::chrono::seconds kLimit{30};

/// Holds tasks till it is opened, and counts those who are there.
class Gate {
public:
    void pass() {
        std::unique_lock lock(mutex_);
        ++here_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
        --here_;
    }
    void wait_for(unsigned here) {
        std::unique_lock lock(mutex_);
        CHECK(changed_.wait_for(lock, kLimit, [&] { return here_ == here; }));
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    unsigned here_ = 0;
    bool open_ = false;
};

void one_owner_has_a_share() {
    Gate gate;
    std::atomic<int> of_greedy = 0, of_modest = 0;
    Workers workers(4, 3);
    for (int task = 0; task < 100; ++task)
        workers.post("greedy", [&] {
            ++of_greedy;
            gate.pass();
        });
    gate.wait_for(3);
    std::promise<void> done;
    workers.post("modest", [&] {
        ++of_modest;
        done.set_value();
    });
    CHECK(done.get_future().wait_for(kLimit) == std::future_status::ready);
    test::equal(of_greedy.load(), 3);
    gate.open();
    workers.stop();
    test::equal(of_greedy.load(), 100);
    test::equal(of_modest.load(), 1);
}

void owners_take_turns() {
    Gate gate;
    std::vector<std::string> order;
    Workers workers(1, 1);
    workers.post("first", [&] { gate.pass(); });
    gate.wait_for(1);
    for (int task = 0; task < 3; ++task)
        workers.post("a", [&, task] { order.push_back("a" + std::to_string(task)); });
    for (int task = 0; task < 2; ++task)
        workers.post("b", [&, task] { order.push_back("b" + std::to_string(task)); });
    gate.open();
    workers.stop();
    CHECK(order == (std::vector<std::string>{"a0", "b0", "a1", "b1", "a2"}));
}

void all_runs_before_the_end() {
    std::atomic<int> runs = 0;
    for (int round = 0; round < 200; ++round) {
        Workers workers(3, 1);
        for (int task = 0; task < 20; ++task)
            workers.post(task % 2 == 0 ? "a" : "b", [&] { ++runs; });
        workers.stop();
        workers.post("late", [&] { ++runs; });
    }
    test::equal(runs.load(), 200 * 21);
}

}  // namespace

int main() {
    return test::run("workers", {{"one owner has a share", one_owner_has_a_share},
                                 {"owners take turns", owners_take_turns},
                                 {"all runs before the end", all_runs_before_the_end}});
}
