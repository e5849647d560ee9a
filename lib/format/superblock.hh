#pragma once
// The superblock: two copies, of which the newest valid one counts. man/pmemckpt-format.5, SUPERBLOCK.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/result.hh"
#include "lib/format/layout.hh"
#include "lib/format/mac_key.hh"

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
    PublicKey manager_key{};
    PublicKey former_key{};  ///< while the manager key is being replaced: that of the other copy
};

/// Whether a pool is opened with the same records, by the same manager key, by either one.
bool names_same_state(const Superblock& a, const Superblock& b);

/// The other one is of the manager key before: the power failed between the two copies of a change of keys.
bool is_before_change_of_key(const Superblock& other, const Superblock& newest);

using SuperblockBytes = std::array<std::byte, kSuperblockBytes>;

/// With the manager key that it names.
SuperblockBytes encode(const Superblock& superblock, const MacKey& key);

enum class SuperblockState {
    foreign,  ///< not even the magic: no superblock was ever here, or it is gone
    damaged,  ///< the magic, but the checksum does not hold
    forged,   ///< the checksum holds, and it was not written with the manager key that is at hand
    valid,    ///< as it was written; its fields are not checked yet
};
struct SuperblockReading {
    SuperblockState state = SuperblockState::foreign;
    Superblock superblock;
};
/// `bytes` may be shorter than a superblock, when the medium is. With a manager key: forged, when it names
/// another one or its MAC does not verify. The superblock is that of a forged one as well.
SuperblockReading read_superblock(std::span<const std::byte> bytes, const Key* manager_key = nullptr);

/// EPROTONOSUPPORT for another major version; EUCLEAN for fields that contradict each other or the medium's
/// size.
Status check(const Superblock& superblock, std::uint64_t medium_size, const std::string& path);

}  // namespace pmemckpt::format
