#pragma once
// The client's side of the handshake: lib/wire/handshake.hh, pmemckpt-protocol.7, AUTHENTICATION. No I/O.
#include <vector>

#include "lib/client/client.hh"
#include "lib/wire/handshake.hh"

namespace pmemckpt::client {

/// hello(), prove(), check(), in this order, once each.
class Authentication {
public:
    Authentication(const Options& options, const Key& key) : options_(options), key_(key) {}

    std::vector<std::byte> hello(std::uint64_t request_id);
    /// Reads the CHALLENGE and makes the PROOF. EPROTO; EKEYREJECTED when it is another pool than was asked
    /// for.
    Result<std::vector<std::byte>> prove(std::uint64_t request_id, std::span<const std::byte> challenge);
    /// Reads the WELCOME: EKEYREJECTED when the manager has not this principal's key, or not the pool's.
    Result<wire::Welcome> check(std::span<const std::byte> welcome);
    const wire::Uuid& pool_uuid() const { return challenge_.pool_uuid; }

private:
    Status check_challenge() const;

    const Options& options_;
    const Key& key_;
    wire::Transcript transcript_;
    wire::Challenge challenge_;
    wire::Proof proof_;
};

}  // namespace pmemckpt::client
