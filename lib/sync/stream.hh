#pragma once
// A TCP connection that carries messages, and behind some of them raw bytes: a state, a piece of a file.
// Blocking; no wait is without a limit but the one for the next request.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/handle.hh"
#include "lib/base/result.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::sync {

/// Header and body together, at most.
inline constexpr std::size_t kMaximumMessage = 128 * 1024;
/// Before the other end has proved who it is.
inline constexpr std::size_t kMaximumStrangersMessage = 4096;
/// Raw bytes are moved in pieces of so many.
inline constexpr std::size_t kPiece = 256 * 1024;

struct Received {
    wire::Header header;
    std::vector<std::byte> whole;  ///< header and body
    std::span<const std::byte> body() const { return std::span(whole).subspan(wire::kHeaderBytes); }
};

/// Threads: one sends and receives; cut() may come from any.
class Stream {
public:
    using Clock = std::chrono::steady_clock;
    using Milliseconds = std::chrono::milliseconds;

    /// ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT.
    static Result<Stream> connect(const Address& address, Milliseconds limit);
    /// `socket` is connected, and does not block.
    Stream(FileDescriptor socket, std::string peer) : socket_(std::move(socket)), peer_(std::move(peer)) {}
    Stream(Stream&& other) noexcept = default;

    /// From now on a byte must go, or come, within this time, else the connection is given up: ETIMEDOUT.
    void set_patience(Milliseconds patience) { patience_ = patience; }
    /// All must be done by then, whatever comes meanwhile.
    void set_deadline(std::optional<Clock::time_point> deadline) { deadline_ = deadline; }

    Status send(std::span<const std::byte> bytes);
    /// All of `into`. ECONNRESET when the peer is gone.
    Status receive(std::span<std::byte> into);
    /// EMSGSIZE when it is longer than `limit`; EPROTO, EPROTONOSUPPORT.
    Result<Received> receive_message(std::size_t limit = kMaximumMessage);
    /// Waits for the first byte of the next message, for ever. ECONNRESET when the peer has closed.
    Status wait_for_message();

    const std::string& peer() const { return peer_; }
    /// Whoever waits in it gets an error, now and from now on.
    void cut();

private:
    Status receive_rest(Received& received, std::size_t limit);
    Status wait(short events, Clock::time_point until);
    Clock::time_point limit() const;
    tl::unexpected<Error> lost(int code) const;

    FileDescriptor socket_;
    std::string peer_;
    Milliseconds patience_{60'000};
    std::optional<Clock::time_point> deadline_;
};

}  // namespace pmemckpt::sync
