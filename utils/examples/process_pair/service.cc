#include "utils/examples/process_pair/service.hh"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace process_pair {

namespace {

constexpr std::size_t kMostConnections = 512;
constexpr std::size_t kMostUnsent = 64 << 10;  // bytes that a client has not taken
constexpr std::size_t kReceivedAtOnce = 4096;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

Descriptor signals() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    ::sigaddset(&set, SIGINT);
    if (const int status = ::pthread_sigmask(SIG_BLOCK, &set, nullptr))
        throw std::system_error(status, std::generic_category(), "pthread_sigmask");
    Descriptor descriptor(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!descriptor)
        fail("signalfd");
    return descriptor;
}

Descriptor event() {
    Descriptor descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!descriptor)
        fail("eventfd");
    return descriptor;
}

bool is_over(ssize_t moved) {
    return moved == 0 || (moved < 0 && errno != EAGAIN && errno != EINTR);
}

}  // namespace

Service::Service(const Address& address)
    : listening_(listen_at(address, address_)), signals_(signals()), woken_(event()) {}

void Service::wake() const {
    const std::uint64_t once = 1;
    static_cast<void>(!::write(woken_.number(), &once, sizeof once));  // fails only when it is awake already
}

std::vector<Request> Service::wait(std::chrono::milliseconds timeout) {
    std::vector<pollfd> waiting = {{signals_.number(), POLLIN, 0}, {woken_.number(), POLLIN, 0}};
    const bool has_room = connections_.size() < kMostConnections;
    waiting.push_back({has_room ? listening_.number() : -1, POLLIN, 0});
    for (const auto& [id, connection] : connections_)
        waiting.push_back({connection.socket.number(),
                           static_cast<short>(connection.out.empty() ? POLLIN : POLLIN | POLLOUT), 0});
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(timeout.count())) < 0 && errno != EINTR)
        fail("poll");

    std::vector<Request> requests;
    std::uint64_t count = 0;
    if (waiting[0].revents != 0)
        told_to_end_ = true;
    if (waiting[1].revents != 0)
        static_cast<void>(!::read(woken_.number(), &count, sizeof count));
    auto ready = waiting.begin() + 3;
    for (auto& [id, connection] : connections_) {
        const auto revents = (ready++)->revents;
        if ((revents & POLLOUT) != 0)
            send_on(connection);
        if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            receive(id, connection, requests);
    }
    if (waiting[2].revents != 0)
        accept_all();
    std::erase_if(connections_, [](const auto& one) { return one.second.ended; });
    return requests;
}

void Service::accept_all() {
    while (connections_.size() < kMostConnections) {
        Descriptor socket(::accept4(listening_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket)
            return;
        const int yes = 1;
        static_cast<void>(::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes));
        connections_[++last_connection_].socket = std::move(socket);
    }
}

void Service::receive(std::uint64_t id, Connection& connection, std::vector<Request>& requests) {
    char bytes[kReceivedAtOnce];
    const auto received = ::recv(connection.socket.number(), bytes, sizeof bytes, 0);
    if (is_over(received))
        connection.ended = true;
    if (received <= 0)
        return;
    connection.in.append(bytes, static_cast<std::size_t>(received));
    std::size_t start = 0;
    for (std::size_t end; (end = connection.in.find('\n', start)) != std::string::npos; start = end + 1)
        requests.push_back({id, connection.in.substr(start, end - start)});
    connection.in.erase(0, start);
    if (connection.in.size() > kLongestLine)
        connection.ended = true;
}

void Service::answer(std::uint64_t id, const std::string& line) {
    const auto found = connections_.find(id);
    if (found == connections_.end())
        return;
    found->second.out += line + "\n";
    send_on(found->second);
}

void Service::send_on(Connection& connection) {
    const auto sent =
        ::send(connection.socket.number(), connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (is_over(sent) || connection.out.size() > kMostUnsent)
        connection.ended = true;
    if (sent > 0)
        connection.out.erase(0, static_cast<std::size_t>(sent));
}

}  // namespace process_pair
