#pragma once
// One use of a half of the journal: what the checksums and the MACs of its records begin with.
// man/pmemckpt-format.5, JOURNAL.
#include <cstdint>

#include "lib/format/mac_key.hh"
#include "lib/format/superblock.hh"

namespace pmemckpt::format {

/// A record of another pool, of another manager key, or of an earlier use of the same half, does not verify,
/// whatever its sequence.
struct JournalSeed {
    std::uint32_t crc32c = 0;
    std::uint64_t first_sequence = 1;
    const MacKey* key = nullptr;  ///< not owned; none: records verify by their checksums alone

    JournalSeed without_key() const { return {crc32c, first_sequence, nullptr}; }
};

/// Of the superblock's pool and manager key, with the half's first record having this sequence.
JournalSeed journal_seed(const Superblock& superblock, std::uint64_t first_sequence,
                         const MacKey* key = nullptr);

}  // namespace pmemckpt::format
