#pragma once
// The server's side of the handshake: pmemckpt-protocol.7, AUTHENTICATION. No I/O but for a key file.
//
//   expects HELLO ──► CHALLENGE, expects PROOF ──► WELCOME, done
//        │                          │
//        └──── anything else ───────┴────► an error; the connection is closed by the caller
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/wire/handshake.hh"

namespace pmemckpt::wire {

/// Threads: one at a time.
class ServerHandshake {
public:
    /// What a client has asked for.
    struct Served {
        Uuid uuid{};
        Key key;          ///< its own
        Welcome welcome;  ///< all but the two proofs, which are filled in
    };
    /// By name or UUID; empty: what is offered first. ENOENT.
    using Find = std::function<Result<Served>(const std::string& name)>;

    ServerHandshake(const Service& service, std::string key_dir, std::uint64_t session_id, Find find)
        : service_(service),
          key_dir_(std::move(key_dir)),
          session_id_(session_id),
          find_(std::move(find)),
          transcript_(service) {}

    /// Takes the next message (`whole` is its bytes, header included) and gives the answer's. The key is read
    /// from its file, so it may wait for a disk. EPROTO for a message out of its place or torn,
    /// EPROTONOSUPPORT, ENOENT (nothing of that name), EKEYREJECTED, EMFILE (no
    /// descriptor to read a key with). After an error the connection must be closed.
    Result<std::vector<std::byte>> take(const Message& message, std::span<const std::byte> whole);

    bool done() const { return expected_ == Expected::nothing; }
    /// Whether the key that was proved is valid still: asked once when its session can be found by who
    /// withdraws keys, so that none is left that was proved just before. EKEYREJECTED.
    Status recheck();
    /// Who it is; known to be true only when done().
    const std::string& principal() const { return principal_; }

private:
    enum class Expected { hello, proof, nothing };
    Result<std::vector<std::byte>> challenge(const Message& message, std::span<const std::byte> whole);
    Result<std::vector<std::byte>> welcome(const Message& message);
    Status check_version(const Hello& hello) const;
    Result<Key> key_that_fits(const Mac& mac) const;
    Status check_descriptors(const Result<ValidKeys>& keys) const;
    tl::unexpected<Error> refuse(const std::string& why) const;

    const Service& service_;
    std::string key_dir_;
    std::uint64_t session_id_;
    Find find_;
    Expected expected_ = Expected::hello;
    std::string principal_;
    Served served_;
    Key key_;  ///< that was proved, till recheck()
    Transcript transcript_;
};

}  // namespace pmemckpt::wire
