#include "lib/wire/handshake.hh"

#include <sodium.h>

namespace pmemckpt::wire {

namespace {

std::vector<unsigned char> joined(std::string_view label, std::span<const std::byte> transcript,
                                  std::span<const std::uint8_t> proof) {
    std::vector<unsigned char> bytes(label.begin(), label.end());
    const auto* begin = reinterpret_cast<const unsigned char*>(transcript.data());
    bytes.insert(bytes.end(), begin, begin + transcript.size());
    bytes.insert(bytes.end(), proof.begin(), proof.end());
    return bytes;
}

Mac hmac(const Key& key, const std::vector<unsigned char>& bytes) {
    Mac mac{};
    static_assert(sizeof mac == crypto_auth_hmacsha256_BYTES &&
                  Key::kBytes == crypto_auth_hmacsha256_KEYBYTES);
    crypto_auth_hmacsha256(mac.data(), bytes.data(), bytes.size(), key.bytes().data());
    return mac;
}

}  // namespace

Nonce random_nonce() {
    require(sodium_init() >= 0, "libsodium starts");
    Nonce nonce{};
    randombytes_buf(nonce.data(), nonce.size());
    return nonce;
}

void Transcript::add(std::span<const std::byte> message) {
    bytes_.insert(bytes_.end(), message.begin(), message.end());
}

Mac Transcript::client_mac(const Key& principal) const {
    return hmac(principal, joined("pmemckpt-1 client", bytes_, {}));
}

Mac Transcript::manager_mac(const Key& principal, const Mac& proof) const {
    return hmac(principal, joined("pmemckpt-1 manager", bytes_, proof));
}

Signature Transcript::sign(const Key& pool, const Mac& proof) const {
    Signature signature{};
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> open{};
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
    crypto_sign_seed_keypair(open.data(), secret.data(), pool.bytes().data());
    const auto bytes = joined("pmemckpt-1 pool", bytes_, proof);
    crypto_sign_detached(signature.data(), nullptr, bytes.data(), bytes.size(), secret.data());
    sodium_memzero(secret.data(), secret.size());
    return signature;
}

bool Transcript::verify(const PublicKey& pool, const Mac& proof, const Signature& signature) const {
    const auto bytes = joined("pmemckpt-1 pool", bytes_, proof);
    return crypto_sign_verify_detached(signature.data(), bytes.data(), bytes.size(), pool.data()) == 0;
}

bool equal(const Mac& a, const Mac& b) {
    return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

PublicKey public_key(const Key& pool) {
    require(sodium_init() >= 0, "libsodium starts");
    PublicKey open{};
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
    crypto_sign_seed_keypair(open.data(), secret.data(), pool.bytes().data());
    sodium_memzero(secret.data(), secret.size());
    return open;
}

std::string pool_key_name(std::string_view uuid) {
    return fmt::format("pool-{}", uuid);
}

}  // namespace pmemckpt::wire
