#include "utils/examples/process_pair/sockets.hh"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace process_pair {

namespace {

constexpr int kBacklog = 128;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses look_up(const Address& address, int flags) {
    addrinfo hints = {};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    if (const int status = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found))
        throw std::invalid_argument(address.host + ":" + address.port + ": " + ::gai_strerror(status));
    return {found, ::freeaddrinfo};
}

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void set(const Descriptor& socket, int level, int option) {
    const int yes = 1;
    static_cast<void>(::setsockopt(socket.number(), level, option, &yes, sizeof yes));
}

std::string port_of(const Descriptor& socket) {
    sockaddr_storage address = {};
    socklen_t size = sizeof address;
    char port[NI_MAXSERV] = "";
    if (::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, nullptr, 0, port, sizeof port,
                      NI_NUMERICSERV) != 0)
        fail("no port was given");
    return port;
}

}  // namespace

Descriptor::~Descriptor() {
    if (number_ >= 0)
        ::close(number_);
}

Address parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size())
        throw std::invalid_argument("an address is HOST:PORT, not \"" + std::string(text) + "\"");
    auto host = text.substr(0, colon);
    if (host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return {std::string(host), std::string(text.substr(colon + 1))};
}

Descriptor listen_at(const Address& address, std::string& text) {
    const auto found = look_up(address, AI_PASSIVE);
    Descriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        fail("no socket");
    set(socket, SOL_SOCKET, SO_REUSEADDR);
    if (::bind(socket.number(), found->ai_addr, found->ai_addrlen) != 0 ||
        ::listen(socket.number(), kBacklog) != 0)
        fail("can't listen at " + address.host + ":" + address.port);
    text = address.host + ":" + port_of(socket);
    return socket;
}

Descriptor connect_to(const Address& address, std::chrono::milliseconds timeout) {
    const auto found = look_up(address, 0);
    Descriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        fail("no socket");
    set(socket, IPPROTO_TCP, TCP_NODELAY);
    if (::connect(socket.number(), found->ai_addr, found->ai_addrlen) == 0)
        return socket;
    if (errno != EINPROGRESS)
        return Descriptor();
    pollfd waiting = {socket.number(), POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (::poll(&waiting, 1, static_cast<int>(timeout.count())) != 1 ||
        ::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
        return Descriptor();
    return socket;
}

}  // namespace process_pair
