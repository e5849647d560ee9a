#pragma once
// The client's side of the handshake: pmemckpt-protocol.7, AUTHENTICATION. No I/O.
#include <string>
#include <vector>

#include "lib/wire/handshake.hh"

namespace pmemckpt::wire {

/// hello(), prove(), check(), in this order, once each.
class ClientHandshake {
public:
    struct Wanted {
        std::string principal;  ///< who asks
        std::string name;       ///< what for: a name there, or a UUID; empty: what is offered first
        std::string key_dir;
    };

    ClientHandshake(const Service& service, Wanted wanted, const Key& key)
        : service_(service), wanted_(std::move(wanted)), key_(key), transcript_(service) {}

    std::vector<std::byte> hello(std::uint64_t request_id);
    /// Reads the CHALLENGE and makes the PROOF. EPROTO; EKEYREJECTED when it is another one than was asked
    /// for.
    Result<std::vector<std::byte>> prove(std::uint64_t request_id, std::span<const std::byte> challenge);
    /// Reads the WELCOME: EKEYREJECTED when the server has not this principal's key, or not that of what it
    /// serves.
    Result<Welcome> check(std::span<const std::byte> welcome);
    /// Of what is served.
    const Uuid& uuid() const { return challenge_.pool_uuid; }

private:
    Status check_challenge() const;

    const Service& service_;
    const Wanted wanted_;
    const Key& key_;
    Transcript transcript_;
    Challenge challenge_;
    Proof proof_;
};

}  // namespace pmemckpt::wire
