// Deadlines and waiters: each request is answered exactly once, by whatever comes first.
#include <atomic>
#include <cerrno>

#include "driver/waiters.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace std::chrono_literals;
using driver::Deadlines;
using driver::Waiter;
using driver::Waiters;

namespace {

// Only their addresses are used.
const char places[2] = {};
const auto* const kPool = reinterpret_cast<const pool::Pool*>(&places[0]);
const auto* const kOtherPool = reinterpret_cast<const pool::Pool*>(&places[1]);

struct Answers {
    std::atomic<int> count = 0, code = 0;
    std::atomic<std::uint64_t> number = 0;
};

Waiter waiter(Answers& answers, std::uint64_t session = 1, std::uint64_t region = 1,
              std::uint64_t after = 0) {
    return {session, kPool, region, after, [&answers](const Result<pool::GenerationInfo>& result) {
                if (result)
                    answers.number = result->number;
                else
                    answers.code = result.error().code;
                ++answers.count;
            }};
}

pool::GenerationInfo generation(std::uint64_t region, std::uint64_t number) {
    pool::GenerationInfo info;
    info.region_id = region;
    info.number = number;
    return info;
}

void calls_come_in_time_order() {
    std::mutex mutex;
    std::vector<int> order;
    std::atomic<int> count = 0;
    const auto call = [&](int number) {
        return [&, number] {
            const std::lock_guard lock(mutex);
            order.push_back(number);
            ++count;
        };
    };
    Deadlines deadlines;
    const auto now = Deadlines::Clock::now();
    deadlines.at(now + 30ms, call(3));
    deadlines.at(now + 10ms, call(1));
    const auto cancelled = deadlines.at(now + 15ms, call(9));
    deadlines.at(now + 20ms, call(2));
    deadlines.at(now + 24h, call(8));
    deadlines.cancel(cancelled);
    test::eventually([&] { return count == 3; }, 30'000);
    CHECK((order == std::vector{1, 2, 3}));
}

void a_call_may_use_the_deadlines() {
    std::atomic<bool> done = false;
    Deadlines deadlines;
    const auto later = deadlines.at(Deadlines::Clock::now() + 24h, [] {});
    deadlines.at(Deadlines::Clock::now(), [&] {
        deadlines.cancel(later);
        deadlines.at(Deadlines::Clock::now(), [&] { done = true; });
    });
    test::eventually([&] { return done.load(); }, 30'000);
}

void only_who_waits_for_it_is_told() {
    Deadlines deadlines;
    Waiters waiters(deadlines);
    Answers mine, later, other_region;
    waiters.add(waiter(mine, 1, 1, 4), {});
    waiters.add(waiter(later, 1, 1, 5), {});
    waiters.add(waiter(other_region, 1, 2, 0), {});
    waiters.sealed(*kOtherPool, generation(1, 5));
    waiters.sealed(*kPool, generation(1, 4));
    test::equal(mine.count.load(), 0);
    waiters.sealed(*kPool, generation(1, 5));
    waiters.sealed(*kPool, generation(1, 6));
    test::equal(mine.count.load(), 1);
    test::equal(mine.number.load(), 5U);
    test::equal(later.number.load(), 6U);
    test::equal(other_region.count.load(), 0);
    test::equal(waiters.count(1), 1U);
}

void a_deadline_answers_once() {
    Deadlines deadlines;
    Waiters waiters(deadlines);
    Answers late, in_time;
    waiters.add(waiter(late), Deadlines::Clock::now() + 1ms);
    waiters.add(waiter(in_time), Deadlines::Clock::now() + 24h);
    test::eventually([&] { return late.count == 1; }, 30'000);
    test::equal(late.code.load(), ETIMEDOUT);
    waiters.sealed(*kPool, generation(1, 1));
    test::equal(late.count.load(), 1);
    test::equal(in_time.count.load(), 1);
}

// Seals, deadlines and ends race for each waiter: one of them has it.
void races_have_one_winner() {
    Deadlines deadlines;
    Waiters waiters(deadlines);
    constexpr int kRounds = 300;
    std::vector<Answers> answers(kRounds);
    for (auto& one : answers)
        waiters.add(waiter(one),
                    Deadlines::Clock::now() + std::chrono::microseconds(test::generator()() % 3000));
    std::jthread sealing([&] {
        for (std::uint64_t number = 1; number < 50; ++number)
            waiters.sealed(*kPool, generation(1, number));
    });
    waiters.destroyed(*kPool, 1, {ENOENT, "gone"});
    sealing.join();
    test::eventually([&] { return waiters.count(1) == 0; }, 30'000);
    deadlines.stop();
    for (const auto& one : answers)
        test::equal(one.count.load(), 1);
}

void a_session_s_end_says_nothing() {
    Deadlines deadlines;
    Waiters waiters(deadlines);
    Answers dropped, stays;
    waiters.add(waiter(dropped, 1), Deadlines::Clock::now() + 24h);
    waiters.add(waiter(stays, 2), {});
    waiters.drop_session(1);
    waiters.complete_all({ESHUTDOWN, "stopping"});
    test::equal(dropped.count.load(), 0);
    test::equal(stays.code.load(), ESHUTDOWN);
}

}  // namespace

int main() {
    return test::run("waiters", {{"calls come in time order", calls_come_in_time_order},
                                 {"a call may use the deadlines", a_call_may_use_the_deadlines},
                                 {"only who waits for it is told", only_who_waits_for_it_is_told},
                                 {"a deadline answers once", a_deadline_answers_once},
                                 {"races have one winner", races_have_one_winner},
                                 {"a session's end says nothing", a_session_s_end_says_nothing}});
}
