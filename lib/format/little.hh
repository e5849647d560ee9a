#pragma once
// Integers as they lie on media: little-endian on every host.
#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>

namespace pmemckpt::format {

template <std::integral T>
constexpr T to_little(T value) {
    if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) {
        return value;
    } else {
        using Unsigned = std::make_unsigned_t<T>;
        const auto bits = static_cast<Unsigned>(value);
        Unsigned swapped = 0;
        for (unsigned byte = 0; byte < sizeof(T); ++byte)
            swapped = static_cast<Unsigned>(swapped << 8 | ((bits >> (8 * byte)) & 0xff));
        return static_cast<T>(swapped);
    }
}

/// Standard layout, so structs of these can be laid over media with memcpy and checked with offsetof.
template <std::integral T>
class Little {
public:
    constexpr Little() = default;
    constexpr Little(T value) : raw_(to_little(value)) {}  // NOLINT: reads and writes like the integer
    constexpr operator T() const { return to_little(raw_); }

private:
    T raw_{};
};

using LittleU16 = Little<std::uint16_t>;
using LittleU32 = Little<std::uint32_t>;
using LittleU64 = Little<std::uint64_t>;
using LittleI64 = Little<std::int64_t>;

}  // namespace pmemckpt::format
