#pragma once
// TCP sockets, non-blocking.
#include <chrono>
#include <cstddef>
#include <string>

#include "lib/base/address.hh"
#include "lib/base/handle.hh"
#include "lib/base/result.hh"
#include "lib/base/socket_address.hh"

namespace pmemckpt {

/// Waits till it is connected. ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT.
struct Connected {
    FileDescriptor socket;
    std::string peer_address;
};
Result<Connected> connect_socket(const Address& address, std::chrono::steady_clock::time_point deadline);

struct Listening {
    FileDescriptor socket;
    Address address;  ///< with the port really taken
};
/// EADDRINUSE.
Result<Listening> listen_socket(const Address& address);

/// A connected socket: no delays, and a peer whose host is gone is noticed within this time. So is, if
/// `untaken_ms` is not 0, one that acknowledges nothing, or takes nothing, of what was sent for so long.
Status set_up_connection(int socket, unsigned idle_timeout_ms, unsigned untaken_ms);

/// Bytes of payload of one TCP segment.
std::size_t maximum_segment(int socket);

}  // namespace pmemckpt
