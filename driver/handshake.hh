#pragma once
// The manager's side of the handshake: pmemckpt-protocol.7, AUTHENTICATION.
//
//   expects HELLO ──► CHALLENGE, expects PROOF ──► WELCOME, done
//        │                          │
//        └──── anything else ───────┴────► an error; the connection is closed by the caller
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/served_pools.hh"
#include "lib/wire/handshake.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::driver {

/// Threads: one at a time.
class Handshake {
public:
    Handshake(const ServedPools& pools, std::string key_dir, std::uint64_t session_id)
        : pools_(pools), key_dir_(std::move(key_dir)), session_id_(session_id) {}

    /// Takes the next message (`whole` is its bytes, header included) and gives the answer's. The key is read
    /// from its file, so it may wait for a disk. EPROTO for a message out of its place or torn,
    /// EPROTONOSUPPORT, ENOENT (no such pool), EKEYREJECTED. After an error the connection must be closed.
    Result<std::vector<std::byte>> take(const wire::Message& message, std::span<const std::byte> whole);

    bool done() const { return expected_ == Expected::nothing; }
    /// Who it is; known to be true only when done().
    const std::string& principal() const { return principal_; }
    const std::shared_ptr<ServedPool>& pool() const { return pool_; }

private:
    enum class Expected { hello, proof, nothing };
    Result<std::vector<std::byte>> challenge(const wire::Message& message, std::span<const std::byte> whole);
    Result<std::vector<std::byte>> welcome(const wire::Message& message);
    void choose_key();

    const ServedPools& pools_;
    std::string key_dir_;
    std::uint64_t session_id_;
    Expected expected_ = Expected::hello;
    std::string principal_;
    std::shared_ptr<ServedPool> pool_;
    Key key_;
    std::optional<Error> no_key_;  ///< why key_ is a random one that no proof can fit
    wire::Transcript transcript_;
};

/// "pmemckptd VERSION"
std::string manager_name();

}  // namespace pmemckpt::driver
