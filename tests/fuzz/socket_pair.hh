#pragma once
// Two ends of a stream in this process: one for the code under test, one for its peer.
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <span>

#include "lib/base/handle.hh"
#include "tests/fuzz/target.hh"
#include "tests/support/check.hh"

namespace pmemckpt::fuzz {

class SocketPair {
public:
    SocketPair() {
        int ends[2];
        CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        own.reset(ends[0]);
        peer_.reset(ends[1]);
    }

    /// The peer says it. It has room for more than an input has bytes.
    void say(std::span<const std::byte> bytes) {
        CHECK(::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(bytes.size()));
    }
    /// The peer says no more, but listens.
    void end_saying() { ::shutdown(peer_.get(), SHUT_WR); }
    /// What was said to the peer since.
    Bytes heard() {
        Bytes all;
        std::array<std::byte, 16 * 1024> part;
        for (ssize_t got; (got = ::recv(peer_.get(), part.data(), part.size(), 0)) > 0;)
            all.insert(all.end(), part.begin(), part.begin() + got);
        return all;
    }

    FileDescriptor own;  ///< of the code under test, which may take it

private:
    FileDescriptor peer_;
};

/// Bytes that lie there, not yet received.
inline std::size_t waiting_at(int socket) {
    int count = 0;
    CHECK(::ioctl(socket, FIONREAD, &count) == 0);
    return static_cast<std::size_t>(count);
}

}  // namespace pmemckpt::fuzz
