#include "lib/media/medium.hh"

#include <algorithm>
#include <cstring>

#include "lib/media/readable.hh"

namespace pmemckpt::media {

const char* to_string(Durability durability) {
    switch (durability) {
        case Durability::page: return "page";
        case Durability::gpspm: return "gpspm";
        case Durability::apm: return "apm";
        case Durability::flush: return "flush";
    }
    return "unknown";
}

Result<bool> is_in_use(const Medium& medium) {
    const auto bytes = medium.bytes();
    const auto first = bytes.first(std::min<std::size_t>(bytes.size(), kMiB));
    TRY(check_readable(first, 0));
    return std::ranges::any_of(first, [](std::byte byte) { return byte != std::byte{}; });
}

void Medium::store(Offset at, std::span<const std::byte> bytes) {
    const auto whole = this->bytes();
    require(fits({at, {bytes.size()}}, {whole.size()}), "a store lies within its medium");
    if (!bytes.empty())
        std::memcpy(whole.data() + at.bytes, bytes.data(), bytes.size());
}

}  // namespace pmemckpt::media
