#pragma once
// Mutual authentication of a session: pmemckpt-protocol.7, AUTHENTICATION. Used by both ends.
//
//   transcript = HELLO message || CHALLENGE message (both whole, with their headers)
//   PROOF.mac        = HMAC-SHA-256(principal's key, "pmemckpt-1 client"  || transcript)
//   WELCOME.mac      = HMAC-SHA-256(principal's key, "pmemckpt-1 manager" || transcript || PROOF.mac)
//   WELCOME.signature = Ed25519(pool's key,          "pmemckpt-1 pool"    || transcript || PROOF.mac)
//
// With a participant of sync points it is the same, with its own UUID and key in the place of the pool's, and
// "pmemckpt-sync-1": what was said to the one proves nothing to the other.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/keys.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::wire {

Nonce random_nonce();

/// What a session is opened for.
struct Service {
    std::string_view label;   ///< of all that is signed
    std::string_view server;  ///< who serves, in sentences
    std::string_view what;    ///< is served; in sentences, and before the UUID in names of key files
};
inline constexpr Service kPoolService{"pmemckpt-1", "manager", "pool"};
inline constexpr Service kSyncService{"pmemckpt-sync-1", "participant", "participant"};

class Transcript {
public:
    explicit Transcript(const Service& service = kPoolService) : label_(service.label) {}

    void add(std::span<const std::byte> message);
    Mac client_mac(const Key& principal) const;
    Mac server_mac(const Key& principal, const Mac& proof) const;
    Signature sign(const Key& pool, const Mac& proof) const;
    bool verify(const PublicKey& pool, const Mac& proof, const Signature& signature) const;

private:
    std::vector<unsigned char> said(std::string_view who, std::span<const std::uint8_t> proof) const;

    std::string label_;
    std::vector<std::byte> bytes_;
};

/// In constant time.
bool equal(const Mac& a, const Mac& b);

/// The key file of what is served is named after its UUID: "pool-<uuid>".
std::string key_name(const Service& service, std::string_view uuid);
/// Whether a principal of this name would have the key file of a pool or a participant.
bool is_key_name_of_service(std::string_view principal);

}  // namespace pmemckpt::wire
