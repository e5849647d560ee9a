#pragma once
// The manager key of the pools that tests make, and what is written with it, or without.
#include <array>
#include <cstring>
#include <span>

#include "lib/base/crc32c.hh"
#include "lib/base/keys.hh"
#include "lib/format/journal_seed.hh"
#include "lib/format/little.hh"
#include "lib/format/superblock.hh"

namespace pmemckpt::test {

inline Key key_of(unsigned char byte) {
    std::array<unsigned char, Key::kBytes> bytes;
    bytes.fill(byte);
    return Key::from(bytes);
}

inline const Key& pool_key() {
    static const Key key = key_of(7);
    return key;
}

/// Whichever pool's: the superblock gets that key.
inline format::SuperblockBytes encode(format::Superblock superblock, const Key& key = pool_key()) {
    const format::MacKey mac_key(key, superblock.uuid);
    superblock.manager_key = mac_key.manager_key();
    return format::encode(superblock, mac_key);
}

/// As somebody does it who has no key: the checksum holds afterwards, and the MAC is what it was.
inline void mend_superblock(std::span<std::byte> copy) {
    constexpr std::size_t kCrcAt = 8, kCheckedFrom = 12;
    const auto checked =
        std::span<const std::byte>(copy).first(format::kSuperblockBytes).subspan(kCheckedFrom);
    const format::LittleU32 crc = crc32c(checked);
    std::memcpy(copy.data() + kCrcAt, &crc, sizeof crc);
}
inline void mend_record(std::span<std::byte> record, const format::JournalSeed& seed) {
    constexpr std::size_t kCrcAt = 4, kCheckedFrom = 8;
    const format::LittleU32 crc =
        crc32c(std::span<const std::byte>(record).subspan(kCheckedFrom), seed.crc32c);
    std::memcpy(record.data() + kCrcAt, &crc, sizeof crc);
}

/// As a manager writes it, whatever was changed in it.
inline void sign_record(std::span<std::byte> record, const format::JournalSeed& seed) {
    constexpr std::size_t kCheckedFrom = 8, kMacAt = 24, kBodyAt = 40;
    const format::LittleU64 first_sequence = seed.first_sequence;
    std::array<std::uint8_t, kBodyAt - kMacAt> mac{};
    seed.key->compute({std::as_bytes(std::span(&first_sequence, 1)),
                       record.first(kMacAt).subspan(kCheckedFrom), record.subspan(kBodyAt)},
                      mac);
    std::memcpy(record.data() + kMacAt, mac.data(), mac.size());
    mend_record(record, seed);
}

}  // namespace pmemckpt::test
