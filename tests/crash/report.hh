#pragma once
// All scenarios played, and what came of it, for people.
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/crash/scenarios.hh"

namespace pmemckpt::crash {

struct Report {
    struct Group {
        std::string name;
        std::uint64_t scenarios = 0;
        Tally tally;
    };
    std::vector<Group> groups;
    std::uint64_t scenarios = 0;
    Tally total;
};

/// Those whose group or name has `only` in it, `jobs` at a time. The same seed draws the same images.
Report play_all(const std::vector<Scenario>& scenarios, const std::string& only, const Limits& limits,
                unsigned jobs, std::uint64_t seed);

void print(const Report& report, std::chrono::nanoseconds took);

}  // namespace pmemckpt::crash
