#pragma once
// Where things lie in a pool. man/pmemckpt-format.5, LAYOUT.
#include <cstdint>

#include "lib/base/result.hh"
#include "lib/base/units.hh"

namespace pmemckpt::format {

inline constexpr std::uint64_t kMinimumPageSize = 4 * kKiB;
inline constexpr std::uint64_t kMaximumPageSize = kGiB;

inline constexpr std::uint64_t kSuperblockBytes = 4 * kKiB;
inline constexpr std::uint64_t kSuperblockOffset[2] = {0, kSuperblockBytes};
inline constexpr std::uint64_t kJournalOffset = 64 * kKiB;

/// A snapshot at its worst has each page in a generation of its own, with the longest writer's name: 168
/// bytes.
inline constexpr std::uint64_t kJournalBytesPerPage = 176;
/// For regions, for generations without pages, and for the records after a snapshot.
inline constexpr std::uint64_t kJournalBytesAtLeast = 480 * kKiB;
/// Of each half, what only records that make the state smaller may use: a full pool can always drop
/// something.
inline constexpr std::uint64_t kJournalReserveBytes = 4 * kKiB;
inline constexpr std::uint64_t kJournalAlignment = 4 * kKiB;

/// Page indexes are 32 bits wide, and so are the counts of an extent.
inline constexpr std::uint64_t kMaximumPages = UINT32_MAX;

struct Layout {
    std::uint64_t journal_half_bytes = 0;
    std::uint64_t pages_offset = 0;
    std::uint64_t page_count = 0;
};

/// For a power-of-two page size and any pool size. ERANGE when not a single page has room; the message says
/// the smallest size that does.
Result<Layout> plan_layout(std::uint64_t pool_size, std::uint64_t page_size);

}  // namespace pmemckpt::format
