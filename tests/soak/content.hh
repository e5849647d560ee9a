#pragma once
// What primaries write: each 4 KiB block of a generation, and each record of a log, says who made it and can
// be made again from that alone. So whoever reads one byte of them knows what the others must be.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace soak {

using Bytes = std::vector<std::byte>;
using View = std::span<const std::byte>;

inline constexpr std::uint64_t kBlock = 4096;

/// Who made a block or a record. No two are alike in one run.
struct Origin {
    std::uint64_t writer = 0;  ///< seed, region and process
    std::uint64_t counter = 0;
};

/// Of the whole content; nothing to do with the CRC that the product computes.
std::uint64_t hash_of(View bytes);

/// The block that begins at `offset`, as far as the image reaches.
void fill_block(Bytes& image, std::uint64_t offset, const Origin& origin);
/// Empty: each block is what it says it is, or blank.
std::string fault_of_image(View image);

/// 1 byte or more.
Bytes make_record(std::size_t size, const Origin& origin);
/// Empty: it is what it says it is.
std::string fault_of_record(View record);
/// The records that lie one after the other in these bytes. Throws std::runtime_error when they are none.
std::vector<View> split_records(View bytes);

}  // namespace soak
