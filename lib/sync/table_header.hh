#pragma once
// How a copy of a participant's table begins, and its limit: pmemckpt-sync.7, CHECKPOINT FILE. Constants
// alone, since lib/client looks at one as well, and takes nothing else of lib/sync.
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/units.hh"

namespace pmemckpt::sync {

inline constexpr std::array<std::uint8_t, 8> kTableMagic{'P', 'M', 'C', 'K', 'S', 'Y', 'N', 'C'};
/// Bytes of a copy, at most.
inline constexpr std::size_t kTableCopyBytes = 64 * kKiB;

}  // namespace pmemckpt::sync
