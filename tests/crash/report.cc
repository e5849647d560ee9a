#include "tests/crash/report.hh"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace pmemckpt::crash {

namespace {

/// Shared by the threads that play.
class Players {
public:
    Players(std::vector<const Scenario*> scenarios, const Limits& limits, std::uint64_t seed)
        : scenarios_(std::move(scenarios)), limits_(limits), seed_(seed), tallies_(scenarios_.size()) {}

    void play_on(unsigned jobs) {
        std::vector<std::jthread> threads;
        for (unsigned job = 0; job < jobs; ++job)
            threads.emplace_back([this] { run(); });
    }
    const Tally& tally(std::size_t scenario) const { return tallies_[scenario]; }

private:
    void run() {
        for (std::size_t next = next_++; next < scenarios_.size(); next = next_++) {
            tallies_[next] = play(*scenarios_[next], next);
            tell();
        }
    }

    Tally play(const Scenario& scenario, std::size_t number) const {
        Tally tally;
        try {
            tally = scenario.play(limits_, seed_ + number * 1'000'003);
        } catch (const std::exception& failure) {
            tally.failures.push_back(failure.what());
        }
        for (auto& failure : tally.failures)
            failure = fmt::format("{}: {}: {}", scenario.group, scenario.name, failure);
        return tally;
    }

    void tell() {
        const auto done = ++done_;
        if (!::isatty(STDERR_FILENO))
            return;
        const std::lock_guard lock(telling_);
        fmt::print(stderr, "\r{} of {} scenarios{}", done, scenarios_.size(),
                   done == scenarios_.size() ? "\n" : "");
    }

    const std::vector<const Scenario*> scenarios_;
    const Limits limits_;
    const std::uint64_t seed_;
    std::vector<Tally> tallies_;  ///< each is written by who plays it
    std::atomic<std::size_t> next_ = 0, done_ = 0;
    std::mutex telling_;
};

void print_row(const std::string& name, std::uint64_t scenarios, const Tally& tally) {
    fmt::print("{:<48} {:>9} {:>7} {:>7} {:>8} {:>8} {:>7} {:>8} {:>7} {:>9} {:>10} {:>8}\n", name, scenarios,
               tally.steps, tally.refused, tally.recorded.stores, tally.recorded.flushes,
               tally.recorded.fences, tally.moments, tally.moments - tally.drawn_moments, tally.images,
               tally.recoveries, tally.failures.size());
}

}  // namespace

Report play_all(const std::vector<Scenario>& scenarios, const std::string& only, const Limits& limits,
                unsigned jobs, std::uint64_t seed) {
    std::vector<const Scenario*> chosen;
    for (const auto& scenario : scenarios)
        if ((scenario.group + ": " + scenario.name).find(only) != std::string::npos)
            chosen.push_back(&scenario);
    Players players(chosen, limits, seed);
    players.play_on(jobs);
    Report report;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (report.groups.empty() || report.groups.back().name != chosen[i]->group)
            report.groups.push_back({chosen[i]->group, 0, {}});
        auto& group = report.groups.back();
        ++group.scenarios;
        group.tally.add(players.tally(i));
        report.total.add(players.tally(i));
    }
    report.scenarios = chosen.size();
    return report;
}

void print(const Report& report, std::chrono::nanoseconds took) {
    fmt::print("{:<48} {:>9} {:>7} {:>7} {:>8} {:>8} {:>7} {:>8} {:>7} {:>9} {:>10} {:>8}\n", "", "scenarios",
               "steps", "refused", "stores", "flushes", "fences", "moments", "whole", "images", "recoveries",
               "failures");
    for (const auto& group : report.groups)
        print_row(group.name, group.scenarios, group.tally);
    print_row("all", report.scenarios, report.total);
    for (const auto& failure : report.total.failures)
        fmt::print("\nFAILED {}\n", failure);
    fmt::print(
        "refused: steps that the pool did not do, and said so, as when what they go on from is gone\n"
        "moments: before and after each persist, and when a step has returned; whole: of these, every "
        "possible\n"
        "image was visited; of the others they were drawn. A failure is played again by --only and its "
        "name.\n"
        "{} scenarios, {} moments, {} images, {} failures, in {:.0f} s\n",
        report.scenarios, report.total.moments, report.total.images, report.total.failures.size(),
        std::chrono::duration<double>(took).count());
}

}  // namespace pmemckpt::crash
