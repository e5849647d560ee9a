#pragma once
// The scenarios: each is played on a pool of its own.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/crash/explorer.hh"

namespace pmemckpt::crash {

struct Scenario {
    std::string group;  ///< what they have in common: a line of the report
    std::string name;
    std::function<Tally(const Limits&, std::uint64_t seed)> play;
};

/// Where there are very many moments, or many recoveries for an image, or long ones.
Limits fewer(Limits limits);

/// Of pools that were damaged: repair_scenarios.cc.
std::vector<Scenario> repair_scenarios();

/// All of them; those of a group stand together.
std::vector<Scenario> scenarios();

}  // namespace pmemckpt::crash
