#pragma once
// Mutual authentication of a session: pmemckpt-protocol.7, AUTHENTICATION. Used by both ends.
//
//   transcript = HELLO message || CHALLENGE message (both whole, with their headers)
//   PROOF.mac        = HMAC-SHA-256(principal's key, "pmemckpt-1 client"  || transcript)
//   WELCOME.mac      = HMAC-SHA-256(principal's key, "pmemckpt-1 manager" || transcript || PROOF.mac)
//   WELCOME.signature = Ed25519(pool's key,          "pmemckpt-1 pool"    || transcript || PROOF.mac)
#include <span>
#include <vector>

#include "lib/base/keys.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::wire {

Nonce random_nonce();

class Transcript {
public:
    void add(std::span<const std::byte> message);
    Mac client_mac(const Key& principal) const;
    Mac manager_mac(const Key& principal, const Mac& proof) const;
    Signature sign(const Key& pool, const Mac& proof) const;
    bool verify(const PublicKey& pool, const Mac& proof, const Signature& signature) const;

private:
    std::vector<std::byte> bytes_;
};

/// In constant time.
bool equal(const Mac& a, const Mac& b);

/// The Ed25519 public key of a pool's key (its 32 bytes are the seed): the verifier in the pool's superblock.
PublicKey public_key(const Key& pool);

/// The key file of a pool is named after its UUID: "pool-<uuid>".
std::string pool_key_name(std::string_view uuid);

}  // namespace pmemckpt::wire
