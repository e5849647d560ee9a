#include "lib/format/mac_key.hh"

#include <sodium.h>

#include <array>

namespace pmemckpt::format {

namespace {

constexpr unsigned char kPurpose[crypto_generichash_blake2b_PERSONALBYTES] = {
    'p', 'm', 'e', 'm', 'c', 'k', 'p', 't', ' ', 'm', 'e', 'd', 'i', 'u', 'm', '1'};

Key derive(const Key& manager_key, const Uuid& pool) {
    static_assert(std::tuple_size_v<Uuid> == crypto_generichash_blake2b_SALTBYTES);
    std::array<unsigned char, Key::kBytes> derived;
    crypto_generichash_blake2b_salt_personal(derived.data(), derived.size(), nullptr, 0,
                                             manager_key.bytes().data(), Key::kBytes, pool.data(), kPurpose);
    const auto key = Key::from(derived);
    sodium_memzero(derived.data(), derived.size());
    return key;
}

}  // namespace

MacKey::MacKey(const Key& manager_key, const Uuid& pool)
    : manager_key_(public_key(manager_key)), derived_(derive(manager_key, pool)) {}

void MacKey::compute(std::initializer_list<std::span<const std::byte>> parts,
                     std::span<std::uint8_t> mac) const {
    require(mac.size() >= crypto_generichash_blake2b_BYTES_MIN && mac.size() <= Key::kBytes,
            "a MAC has 16 to 32 bytes");
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, derived_.bytes().data(), Key::kBytes, mac.size());
    for (const auto part : parts)
        crypto_generichash_blake2b_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                                          part.size());
    crypto_generichash_blake2b_final(&state, mac.data(), mac.size());
    sodium_memzero(&state, sizeof state);
}

bool MacKey::verifies(std::initializer_list<std::span<const std::byte>> parts,
                      std::span<const std::uint8_t> mac) const {
    std::array<std::uint8_t, Key::kBytes> own{};
    require(mac.size() <= own.size(), "a MAC has at most 32 bytes");
    compute(parts, std::span(own).first(mac.size()));
    return sodium_memcmp(own.data(), mac.data(), mac.size()) == 0;
}

}  // namespace pmemckpt::format
