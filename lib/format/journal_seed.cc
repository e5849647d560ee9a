#include "lib/format/journal_seed.hh"

#include <span>

#include "lib/base/crc32c.hh"
#include "lib/format/little.hh"

namespace pmemckpt::format {

JournalSeed journal_seed(const Superblock& superblock, std::uint64_t first_sequence, const MacKey* key) {
    const LittleU64 sequence = first_sequence;
    auto crc = crc32c(std::as_bytes(std::span(superblock.uuid)));
    crc = crc32c(std::as_bytes(std::span(superblock.manager_key)), crc);
    crc = crc32c(std::as_bytes(std::span(&sequence, 1)), crc);
    return {crc, first_sequence, key};
}

}  // namespace pmemckpt::format
