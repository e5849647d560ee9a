#include "lib/wire/handshake.hh"

#include <sodium.h>

namespace pmemckpt::wire {

namespace {

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

std::vector<unsigned char> Transcript::said(std::string_view who, std::span<const std::uint8_t> proof) const {
    const auto label = fmt::format("{} {}", label_, who);
    std::vector<unsigned char> bytes(label.begin(), label.end());
    const auto* begin = reinterpret_cast<const unsigned char*>(bytes_.data());
    bytes.insert(bytes.end(), begin, begin + bytes_.size());
    bytes.insert(bytes.end(), proof.begin(), proof.end());
    return bytes;
}

void Transcript::add(std::span<const std::byte> message) {
    bytes_.insert(bytes_.end(), message.begin(), message.end());
}

Mac Transcript::client_mac(const Key& principal) const {
    return hmac(principal, said("client", {}));
}

Mac Transcript::server_mac(const Key& principal, const Mac& proof) const {
    return hmac(principal, said("manager", proof));
}

Signature Transcript::sign(const Key& pool, const Mac& proof) const {
    Signature signature{};
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> open{};
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
    crypto_sign_seed_keypair(open.data(), secret.data(), pool.bytes().data());
    const auto bytes = said("pool", proof);
    crypto_sign_detached(signature.data(), nullptr, bytes.data(), bytes.size(), secret.data());
    sodium_memzero(secret.data(), secret.size());
    return signature;
}

bool Transcript::verify(const PublicKey& pool, const Mac& proof, const Signature& signature) const {
    const auto bytes = said("pool", proof);
    return crypto_sign_verify_detached(signature.data(), bytes.data(), bytes.size(), pool.data()) == 0;
}

bool equal(const Mac& a, const Mac& b) {
    return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string key_name(const Service& service, std::string_view uuid) {
    return fmt::format("{}-{}", service.what, uuid);
}

bool is_key_name_of_service(std::string_view principal) {
    if (principal.ends_with(kNextKeySuffix))
        principal.remove_suffix(kNextKeySuffix.size());
    for (const auto& service : {kPoolService, kSyncService})
        if (const auto prefix = key_name(service, "");
            principal.starts_with(prefix) && parse_uuid(principal.substr(prefix.size())))
            return true;
    return false;
}

}  // namespace pmemckpt::wire
