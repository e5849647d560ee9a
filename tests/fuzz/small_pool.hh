#pragma once
// A pool as small as the format allows, in memory: one that can be made anew for each input.
#include "lib/format/superblock.hh"
#include "lib/pool/pool.hh"
#include "tests/support/recording_medium.hh"

namespace pmemckpt::fuzz {

inline constexpr std::uint64_t kSmallPage = format::kMinimumPageSize, kSmallPages = 64;
inline constexpr std::uint64_t kSmallHalf = format::kJournalBytesAtLeast;
inline constexpr std::uint64_t kSmallPagesOffset = format::kJournalOffset + 2 * kSmallHalf;
inline constexpr std::uint64_t kSmallPoolBytes = kSmallPagesOffset + kSmallPages * kSmallPage;
static_assert(kSmallPagesOffset % kSmallPage == 0);

/// Without a region, of test::pool_key().
test::Image small_pool();

/// Opens it for good, or says why not.
Result<std::unique_ptr<pool::Pool>> open_small_pool(const std::shared_ptr<test::Tape>& tape);

/// What a pool says of itself must hold: no generation is torn unless `may_be_torn`, no page has two owners.
/// Returns it as text.
std::string check_pool(pool::Pool& pool, bool may_be_torn);

}  // namespace pmemckpt::fuzz
