#include "tests/support/relay.hh"

#include <poll.h>
#include <sys/socket.h>

#include "lib/base/tcp_socket.hh"
#include "tests/support/check.hh"

namespace pmemckpt::test {

namespace {

constexpr int kLook_ms = 20;

/// What has come at one end, to the other one. False when it has ended.
bool pass_on(const FileDescriptor& from, const FileDescriptor& to) {
    std::array<char, 65536> bytes;
    const auto got = ::recv(from.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    for (ssize_t sent = 0; sent < got;) {
        pollfd room{to.get(), POLLOUT, 0};
        ::poll(&room, 1, -1);
        const auto more = ::send(to.get(), bytes.data() + sent, static_cast<std::size_t>(got - sent),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (more < 0 && errno != EAGAIN)
            return false;
        sent += std::max<ssize_t>(more, 0);
    }
    return true;
}

}  // namespace

Relay::Relay(const Address& server) : server_(server) {
    auto listening = ok(listen_socket({"127.0.0.1", 0}));
    listening_ = std::move(listening.socket);
    address_ = listening.address;
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Relay::accept() {
    FileDescriptor socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    auto connected = connect_socket(server_, std::chrono::steady_clock::now() + std::chrono::seconds(10));
    if (socket && connected)
        connections_.push_back({std::move(socket), std::move(connected->socket)});
}

void Relay::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::vector<pollfd> watched{{listening_.get(), POLLIN, 0}};
        for (const auto& ends : connections_)
            for (const auto& end : ends)
                watched.push_back({end.get(), POLLIN, 0});
        ::poll(watched.data(), hangs_ ? 0 : watched.size(), kLook_ms);
        if (hangs_)
            continue;
        std::erase_if(connections_, [](const Ends& ends) {
            return !pass_on(ends[0], ends[1]) || !pass_on(ends[1], ends[0]);
        });
        if (watched[0].revents != 0)
            accept();
    }
}

}  // namespace pmemckpt::test
