#pragma once
// The superblock: two copies, of which the newest valid one counts. man/pmemckpt-format.5, SUPERBLOCK.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/result.hh"
#include "lib/format/layout.hh"

namespace pmemckpt::format {

inline constexpr std::uint16_t kMajorVersion = 1;  ///< another one: not to be read, nor written
inline constexpr std::uint16_t kMinorVersion = 0;  ///< a newer one: readable all the same
/// Sequences are never reset; a pool that makes a million records a second takes 146,000 years to get here.
inline constexpr std::uint64_t kMaximumSequence = std::uint64_t{1} << 62;

struct Superblock {
    std::uint16_t major = kMajorVersion;
    std::uint16_t minor = kMinorVersion;
    std::uint64_t sequence = 0;
    std::array<std::uint8_t, 16> uuid{};
    std::int64_t created_ns = 0;  ///< nanoseconds since 1970, UTC
    std::uint64_t pool_size = 0;  ///< bytes, as all sizes and offsets here
    std::uint64_t page_size = 0;
    std::uint64_t pages_offset = 0;
    std::uint64_t page_count = 0;
    std::array<std::uint64_t, 2> half_offset{};
    std::uint64_t half_size = 0;
    std::uint32_t active_half = 0;
    std::uint64_t first_sequence = 1;    ///< of the first record in the active half
    std::uint64_t snapshot_records = 0;  ///< so many records from there on are the snapshot
    std::uint64_t next_region_id = 1;    ///< no region of the snapshot has an id that is not below
    std::array<std::uint8_t, 32> manager_key{};
};

/// Whether a pool is opened with the same records by either one.
bool names_same_state(const Superblock& a, const Superblock& b);

using SuperblockBytes = std::array<std::byte, kSuperblockBytes>;

SuperblockBytes encode(const Superblock& superblock);

enum class SuperblockState {
    foreign,  ///< not even the magic: no superblock was ever here, or it is gone
    damaged,  ///< the magic, but the checksum does not hold
    valid,    ///< as it was written; its fields are not checked yet
};
struct SuperblockReading {
    SuperblockState state = SuperblockState::foreign;
    Superblock superblock;
};
/// `bytes` may be shorter than a superblock, when the medium is.
SuperblockReading read_superblock(std::span<const std::byte> bytes);

/// EPROTONOSUPPORT for another major version; EUCLEAN for fields that contradict each other or the medium's
/// size.
Status check(const Superblock& superblock, std::uint64_t medium_size, const std::string& path);

}  // namespace pmemckpt::format
