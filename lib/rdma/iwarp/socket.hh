#pragma once
// TCP sockets, non-blocking, set up for iWARP.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <string>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/handle.hh"
#include "lib/base/result.hh"
#include "lib/rdma/iwarp/reactor.hh"

namespace pmemckpt::rdma::iwarp {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

/// "127.0.0.1:40112", "[::1]:40112".
std::string format_socket_address(const SocketAddress& address);
std::uint16_t port_of(const SocketAddress& address);

/// Waits till it is connected. ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT.
struct Connected {
    FileDescriptor socket;
    std::string peer_address;
};
Result<Connected> connect_socket(const Address& address, Clock::time_point deadline);

struct Listening {
    FileDescriptor socket;
    Address address;  ///< with the port really taken
};
/// EADDRINUSE.
Result<Listening> listen_socket(const Address& address);

/// A connected socket: no delays, and a peer whose host is gone is noticed within this time.
Status set_up_connection(int socket, unsigned idle_timeout_ms);

/// Bytes of payload of one TCP segment.
std::size_t maximum_segment(int socket);

}  // namespace pmemckpt::rdma::iwarp
