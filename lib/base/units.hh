#pragma once
// Sizes and ranges. A range check never adds before it compares.
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hh"

namespace pmemckpt {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;
inline constexpr std::uint64_t kTiB = 1024 * kGiB;

struct Offset {
    std::uint64_t bytes;
};
struct Length {
    std::uint64_t bytes;
};
struct Extent {
    Offset at;
    Length size;
};

constexpr bool fits(Extent e, Length whole) {
    return e.at.bytes <= whole.bytes && e.size.bytes <= whole.bytes - e.at.bytes;
}
static_assert(!fits({{8}, {UINT64_MAX}}, {16}));
static_assert(fits({{16}, {0}}, {16}));

/// Of extents that fit their whole.
constexpr bool overlap(Extent a, Extent b) {
    return a.at.bytes < b.at.bytes + b.size.bytes && b.at.bytes < a.at.bytes + a.size.bytes;
}
static_assert(overlap({{8}, {8}}, {{15}, {1}}) && !overlap({{8}, {8}}, {{16}, {1}}));

constexpr std::uint64_t divide_up(std::uint64_t n, std::uint64_t by) {
    return n / by + (n % by != 0);
}
/// n must be at most UINT64_MAX - (by - 1).
constexpr std::uint64_t round_up(std::uint64_t n, std::uint64_t by) {
    return divide_up(n, by) * by;
}

/// "4096", "64K", "2M", "1G", "16T" (also "2MiB"): bytes, binary multiples. EINVAL; ERANGE beyond 2^64-1.
Result<std::uint64_t> parse_size(std::string_view text);
/// "8.0 MiB", for people.
std::string format_size(std::uint64_t bytes);

}  // namespace pmemckpt
