// What a connection's socket is told, so that a peer whose host or network is gone is noticed in time.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/handle.hh"
#include "lib/base/tcp_socket.hh"
#include "tests/support/check.hh"

namespace {

using namespace pmemckpt;

int option_of(const FileDescriptor& socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    CHECK(::getsockopt(socket.get(), level, name, &value, &size) == 0);
    return value;
}

/// The first probe comes in the first half of the time, more of them in the second, and unanswered bytes end
/// the connection after all of it. A second is the least that the kernel counts in.
void a_silent_peer_is_given_up_in_time() {
    for (const unsigned idle_ms : {1'000U, 2'000U, 4'000U, 7'000U, 60'000U, 3'600'000U}) {
        const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        CHECK(socket);
        test::ok(set_up_connection(socket.get(), idle_ms, idle_ms));
        test::equal(option_of(socket, SOL_SOCKET, SO_KEEPALIVE), 1);
        test::equal(option_of(socket, IPPROTO_TCP, TCP_NODELAY), 1);
        test::equal(option_of(socket, IPPROTO_TCP, TCP_USER_TIMEOUT), static_cast<int>(idle_ms));
        const auto first_s = option_of(socket, IPPROTO_TCP, TCP_KEEPIDLE);
        const auto interval_s = option_of(socket, IPPROTO_TCP, TCP_KEEPINTVL);
        CHECK(first_s >= 1 && interval_s >= 1);
        CHECK(static_cast<unsigned>(first_s) * 1000 <= std::max(idle_ms / 2, 1'000U));
        CHECK(static_cast<unsigned>(interval_s) * 1000 <= std::max(idle_ms / 4, 1'000U));
    }
}

void what_is_no_socket_is_an_error() {
    test::contains(test::error(set_up_connection(-1, 1'000, 0), EBADF), "socket");
}

}  // namespace

int main() {
    return test::run("tcp socket", {{"a silent peer is given up in time", a_silent_peer_is_given_up_in_time},
                                    {"what is no socket is an error", what_is_no_socket_is_an_error}});
}
