#pragma once
// Random numbers that one seed gives again.
#include <cstdint>
#include <random>

namespace soak {

/// One step of splitmix64: a good number from any.
constexpr std::uint64_t mixed(std::uint64_t number) {
    number += 0x9e3779b97f4a7c15;
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
    number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
    return number ^ (number >> 31);
}

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(mixed(seed)) {}
    /// From 0 to below `limit`, which is above 0.
    std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
    std::uint64_t between(std::uint64_t least, std::uint64_t most) { return least + below(most - least + 1); }
    bool percent(unsigned chance) { return below(100) < chance; }

private:
    std::mt19937_64 engine_;
};

}  // namespace soak
