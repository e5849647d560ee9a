#include "lib/media/reserve.hh"

#include <algorithm>
#include <utility>

namespace pmemckpt::media {

namespace {

constexpr std::uint64_t kBlockBytes = 4096;

bool is_zero(std::span<const std::byte> bytes) {
    return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; });
}

}  // namespace

Status reserve(Medium& medium, Offset at, std::span<const std::byte> bytes) {
    const auto whole = std::as_const(medium).bytes();
    require(fits({at, {bytes.size()}}, {whole.size()}), "a store lies within its medium");
    const auto end = at.bytes + bytes.size();
    for (auto block = at.bytes - at.bytes % kBlockBytes; block < end; block += kBlockBytes) {
        const auto size = std::min(kBlockBytes, whole.size() - block);
        const auto from = std::max(block, at.bytes);
        const auto stored = bytes.subspan(from - at.bytes, std::min(block + size, end) - from);
        // What is not zero has its space; what stays zero needs none.
        if (!is_zero(stored) && is_zero(whole.subspan(block, size)))
            TRY(medium.blank({{block}, {size}}));
    }
    return {};
}

}  // namespace pmemckpt::media
