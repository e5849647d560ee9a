#include "lib/sync/digest.hh"

#include "lib/base/result.hh"

namespace pmemckpt::sync {

Digester::Digester() {
    require(sodium_init() >= 0, "libsodium starts");
    crypto_generichash_init(&state_, nullptr, 0, sizeof(Digest));
}

void Digester::add(std::span<const std::byte> bytes) {
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

Digest Digester::end() {
    Digest digest{};
    crypto_generichash_final(&state_, digest.data(), digest.size());
    return digest;
}

Digest digest_of(std::span<const std::byte> bytes) {
    Digester digester;
    digester.add(bytes);
    return digester.end();
}

}  // namespace pmemckpt::sync
