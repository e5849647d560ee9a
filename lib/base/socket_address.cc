#include "lib/base/socket_address.hh"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/handle.hh"

namespace pmemckpt {

namespace {

Result<std::vector<SocketAddress>> resolve(const Address& address, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const char* host = address.host.empty() ? nullptr : address.host.c_str();
    const int status = ::getaddrinfo(host, std::to_string(address.port).c_str(), &hints, &list);
    if (status != 0)
        return fail(EHOSTUNREACH, "the host \"{}\" is not known: {}", address.host, ::gai_strerror(status));
    const std::unique_ptr<addrinfo, Closer<freeaddrinfo>> owner(list);
    std::vector<SocketAddress> found;
    for (const addrinfo* entry = list; entry; entry = entry->ai_next) {
        SocketAddress socket_address;
        std::memcpy(&socket_address.storage, entry->ai_addr, entry->ai_addrlen);
        socket_address.size = entry->ai_addrlen;
        found.push_back(socket_address);
    }
    return found;
}

}  // namespace

Result<std::vector<SocketAddress>> resolve_peer(const Address& address) {
    return resolve(address, 0);
}

Result<std::vector<SocketAddress>> resolve_to_listen(const Address& address) {
    auto candidates = TRY(resolve(address, AI_PASSIVE));
    std::stable_partition(candidates.begin(), candidates.end(), [&](const SocketAddress& candidate) {
        return address.host.empty() && candidate.storage.ss_family == AF_INET6;
    });
    return candidates;
}

const sockaddr* as_sockaddr(const SocketAddress& address) {
    return reinterpret_cast<const sockaddr*>(&address.storage);
}

std::string format_socket_address(const SocketAddress& address) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (address.storage.ss_family == AF_INET) {
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr, host,
                    sizeof host);
        return format_address({host, port_of(address)});
    }
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&six))
        ::inet_ntop(AF_INET, &six.s6_addr[12], host, sizeof host);
    else
        ::inet_ntop(AF_INET6, &six, host, sizeof host);
    return format_address({host, port_of(address)});
}

std::uint16_t port_of(const SocketAddress& address) {
    // Both forms have it at the same place.
    return ntohs(reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

}  // namespace pmemckpt
