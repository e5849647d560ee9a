#pragma once
// Fields on the wire: big-endian, at any alignment.
#include <cstddef>
#include <type_traits>

namespace pmemckpt::rdma::iwarp {

template <class T>
T load_big(const std::byte* at) {
    static_assert(std::is_unsigned_v<T>);
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value = static_cast<T>((sizeof(T) == 1 ? 0 : value << 8) | std::to_integer<T>(at[i]));
    return value;
}

template <class T>
void store_big(std::byte* at, T value) {
    static_assert(std::is_unsigned_v<T>);
    for (std::size_t i = 0; i < sizeof(T); ++i)
        at[i] = static_cast<std::byte>(value >> (8 * (sizeof(T) - 1 - i)));
}

}  // namespace pmemckpt::rdma::iwarp
