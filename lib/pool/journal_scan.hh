#pragma once
// Looks beyond a journal's end: what verifies there shows that the end is damage, and not the end.
#include <cstdint>
#include <optional>
#include <span>

#include "lib/base/result.hh"
#include "lib/format/journal_seed.hh"

namespace pmemckpt::pool {

struct FoundRecord {
    std::uint64_t at = 0;  ///< byte of the half
    std::uint64_t sequence = 0;
};

/// The first record at or after byte `from` that verifies with `seed` and has a sequence of `least` or more.
/// EUCLEAN when so much there looks like records that looking at it would take for ever.
Result<std::optional<FoundRecord>> find_later_record(const format::JournalSeed& seed,
                                                     std::span<const std::byte> half, std::uint64_t from,
                                                     std::uint64_t least);

/// The largest sequence up to `limit` that anything in the half which looks like the beginning of a record
/// claims; 0: nothing does.
std::uint64_t largest_claimed_sequence(std::span<const std::byte> half, std::uint64_t limit);

}  // namespace pmemckpt::pool
