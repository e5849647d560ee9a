#pragma once
// Addresses as the system's calls take them.
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/result.hh"

namespace pmemckpt {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

/// Where the peer may be; the first one is to be tried first. EHOSTUNREACH when nobody knows the host.
Result<std::vector<SocketAddress>> resolve_peer(const Address& address);
/// Where to listen. For "any address" IPv6 comes first: it takes both kinds, where the kernel has it.
Result<std::vector<SocketAddress>> resolve_to_listen(const Address& address);

const sockaddr* as_sockaddr(const SocketAddress& address);
/// "127.0.0.1:40112", "[::1]:40112".
std::string format_socket_address(const SocketAddress& address);
std::uint16_t port_of(const SocketAddress& address);

}  // namespace pmemckpt
