#pragma once
// CRC-32C (Castagnoli), as iSCSI, MPA and the pool format use it: of "123456789" it is 0xe3069283.
#include <cstddef>
#include <cstdint>
#include <span>

namespace pmemckpt {

/// The CRC of `bytes`; with `before`, of what `before` was made of followed by `bytes`.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

/// The CRC of two pieces laid one after the other, from theirs and the second one's length in bytes.
std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes);

}  // namespace pmemckpt
