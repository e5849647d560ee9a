// Between a client and its manager, so that a test can cut (kill -9), stall (kill -STOP) and hold back (kill
// -CONT, later) what they say to each other. Usage: forwarder HOST:PORT; prints the address where it listens.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <span>
#include <thread>

#include "lib/base/address.hh"
#include "lib/base/tcp_socket.hh"

namespace {

using namespace pmemckpt;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr auto kConnectTime = std::chrono::seconds(10);

bool write_whole(int to, std::span<const char> bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
    return true;
}

/// To the end of what comes; an end is passed on as one.
void pump(int from, int to) {
    std::array<char, kPieceBytes> piece;
    for (;;) {
        const auto got = ::recv(from, piece.data(), piece.size(), 0);
        if (got <= 0 || !write_whole(to, std::span(piece).first(static_cast<std::size_t>(got))))
            break;
    }
    ::shutdown(to, SHUT_WR);
    ::shutdown(from, SHUT_RD);
}

void make_blocking(int socket) {
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) & ~O_NONBLOCK);
}

void forward(FileDescriptor client, const Address& target) {
    auto manager = connect_socket(target, Clock::now() + kConnectTime);
    if (!manager)
        return;
    make_blocking(manager->socket.get());
    std::thread back([&] { pump(manager->socket.get(), client.get()); });
    pump(client.get(), manager->socket.get());
    back.join();
}

Status serve(const Address& target) {
    const auto listening = TRY(listen_socket({"127.0.0.1", 0}));
    make_blocking(listening.socket.get());
    fmt::print("{}\n", format_address(listening.address));
    std::fflush(stdout);
    for (;;) {
        FileDescriptor client(::accept4(listening.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client)
            return fail_errno(errno, "accept4");
        std::thread([held = std::make_shared<FileDescriptor>(std::move(client)), target] {
            forward(std::move(*held), target);
        }).detach();
    }
}

}  // namespace

int main(int argc, char** argv) {
    const Status served = argc == 2 ? parse_address(argv[1]).and_then(serve)
                                    : Status(fail(EINVAL, "usage: forwarder HOST:PORT"));
    fmt::print(stderr, "forwarder: {}\n", served.error().message);
    return 1;
}
