#include "lib/media/medium.hh"

#include <cstring>

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

void Medium::store(Offset at, std::span<const std::byte> bytes) {
    const auto whole = this->bytes();
    require(fits({at, {bytes.size()}}, {whole.size()}), "a store lies within its medium");
    if (!bytes.empty())
        std::memcpy(whole.data() + at.bytes, bytes.data(), bytes.size());
}

}  // namespace pmemckpt::media
