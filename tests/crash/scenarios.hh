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

/// All of them; those of a group stand together.
std::vector<Scenario> scenarios();

}  // namespace pmemckpt::crash
