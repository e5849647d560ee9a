#pragma once
// Sends and receives the start-up frames of one connection, without ever blocking.
#include <array>
#include <optional>
#include <vector>

#include "lib/rdma/iwarp/mpa.hh"

namespace pmemckpt::rdma::iwarp {

/// Threads: the connection's own.
class Greeter {
public:
    /// Queues a frame to be sent.
    void say(const StartUp& frame) { out_ = encode(frame); }
    /// Sends what is left; true when all is sent.
    Result<bool> send(int socket);
    /// The peer's frame, when it is there whole; nothing beyond it is taken from the socket. EPROTO when it
    /// is none, or the connection ended in it.
    Result<std::optional<StartUp>> receive(int socket, Greeting kind);

private:
    std::vector<std::byte> out_;
    std::size_t sent_ = 0;
    std::array<std::byte, kStartUpBytes + kMaximumPrivate> in_{};
    std::size_t have_ = 0;
};

}  // namespace pmemckpt::rdma::iwarp
