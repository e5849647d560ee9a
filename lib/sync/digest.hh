#pragma once
// BLAKE2b-256, of states.
#include <sodium.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pmemckpt::sync {

using Digest = std::array<std::uint8_t, 32>;

class Digester {
public:
    Digester();
    void add(std::span<const std::byte> bytes);
    Digest end();

private:
    crypto_generichash_state state_;
};

Digest digest_of(std::span<const std::byte> bytes);

}  // namespace pmemckpt::sync
