#include "lib/base/tcp_socket.hh"

#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pmemckpt {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBacklog = 128;
constexpr unsigned kProbes = 3;  // of keep-alive, in the second half of the idle time

FileDescriptor make_socket(const SocketAddress& address) {
    return FileDescriptor(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

bool set_option(int socket, int level, int option, int value) {
    return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

int milliseconds_till(Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT32_MAX));
}

/// An errno value; 0 when connected.
int connect_one(int socket, const SocketAddress& address, Clock::time_point deadline) {
    if (::connect(socket, as_sockaddr(address), address.size) == 0)
        return 0;
    if (errno != EINPROGRESS && errno != EINTR)
        return errno;
    pollfd wait{socket, POLLOUT, 0};
    int ready;
    do
        ready = ::poll(&wait, 1, milliseconds_till(deadline));
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        return ready == 0 ? ETIMEDOUT : errno;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

int without_detail(int code) {
    return code == ENETUNREACH || code == EHOSTDOWN ? EHOSTUNREACH : code;
}

Result<FileDescriptor> bind_one(const SocketAddress& address, const std::string& name) {
    FileDescriptor socket = make_socket(address);
    if (!socket)
        return fail_errno(errno, "can't make a socket to listen on {}", name);
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.storage.ss_family == AF_INET6)
        set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (::bind(socket.get(), as_sockaddr(address), address.size) != 0 ||
        ::listen(socket.get(), kBacklog) != 0) {
        if (errno == EADDRINUSE)
            return fail(EADDRINUSE,
                        "{} is in use: another program listens there; end it or take another port", name);
        return fail_errno(errno, "can't listen on {}", name);
    }
    return socket;
}

}  // namespace

Result<Connected> connect_socket(const Address& address, Clock::time_point deadline) {
    int error = EHOSTUNREACH;
    for (const SocketAddress& candidate : TRY(resolve_peer(address))) {
        FileDescriptor socket = make_socket(candidate);
        error = socket ? connect_one(socket.get(), candidate, deadline) : errno;
        if (error == 0)
            return Connected{std::move(socket), format_socket_address(candidate)};
        if (error == ETIMEDOUT)
            break;
    }
    return fail_errno(without_detail(error), "can't connect to {}", format_address(address));
}

Result<Listening> listen_socket(const Address& address) {
    const std::string name = format_address(address);
    const auto candidates = TRY(resolve_to_listen(address));
    Result<FileDescriptor> socket = fail(EHOSTUNREACH, "the host \"{}\" has no address", address.host);
    for (const SocketAddress& candidate : candidates)
        if (socket = bind_one(candidate, name); socket || socket.error().code == EADDRINUSE)
            break;
    Listening listening{TRY(std::move(socket)), address};
    SocketAddress taken;
    taken.size = sizeof taken.storage;
    if (::getsockname(listening.socket.get(), reinterpret_cast<sockaddr*>(&taken.storage), &taken.size) != 0)
        return fail_errno(errno, "can't listen on {}", name);
    listening.address.port = port_of(taken);
    return listening;
}

Status set_up_connection(int socket, unsigned idle_timeout_ms, unsigned untaken_ms) {
    const int idle_s = std::max(1, static_cast<int>(idle_timeout_ms / 2000));
    const int interval_s = std::max(1, static_cast<int>(idle_timeout_ms / 2000 / kProbes));
    const bool set = set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1) &&
                     set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1) &&
                     set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, idle_s) &&
                     set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, interval_s) &&
                     set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kProbes) &&
                     set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(untaken_ms));
    return set ? Status() : fail_errno(errno, "can't set a socket's options");
}

std::size_t maximum_segment(int socket) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    ::getsockopt(socket, IPPROTO_TCP, TCP_MAXSEG, &bytes, &size);
    return static_cast<std::size_t>(std::max(bytes, 0));
}

}  // namespace pmemckpt
