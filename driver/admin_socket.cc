#include "driver/admin_socket.hh"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "driver/admin_listener.hh"
#include "lib/base/log.hh"

namespace pmemckpt::driver {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMs =
    1000;  // how often clients that are over their time are looked for, while there are any
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::string_view kTooLong = R"({"error":"the request is longer than 4096 bytes"})";
static_assert(kMaximumAdminRequest == 4096);

Status check_peer(const FileDescriptor& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail_errno(errno, "admin socket: the peer's uid can't be told");
    if (peer.uid != 0 && peer.uid != ::geteuid())
        return fail(EACCES, "admin socket: uid {} (pid {}) is refused; uid 0 and {} are allowed", peer.uid,
                    peer.pid, ::geteuid());
    return {};
}

bool would_block() {
    return errno == EAGAIN || errno == EINTR;
}

}  // namespace

Result<std::unique_ptr<AdminSocket>> AdminSocket::open(const std::string& path, AdminAnswer answer) {
    auto listener = TRY(listen_at(path));
    FileDescriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake)
        return fail_errno(errno, "can't make an eventfd");
    return std::unique_ptr<AdminSocket>(
        new AdminSocket(path, std::move(listener), std::move(wake), std::move(answer)));
}

AdminSocket::AdminSocket(std::string path, FileDescriptor listener, FileDescriptor wake, AdminAnswer answer)
    : path_(std::move(path)),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      answer_(std::move(answer)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

AdminSocket::~AdminSocket() {
    thread_.request_stop();
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
    ::unlink(path_.c_str());
}

void AdminSocket::run(const std::stop_token& stop) {
    while (!stop.stop_requested())
        serve_once();
}

void AdminSocket::serve_once() {
    std::vector<pollfd> waits{{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const auto& client : clients_)
        waits.push_back(
            {client.socket.get(), static_cast<short>(client.answer.empty() ? POLLIN : POLLOUT), 0});
    if (::poll(waits.data(), waits.size(), clients_.empty() ? -1 : kTickMs) < 0)
        return;
    auto wait = waits.begin() + 2;
    for (auto& client : clients_)
        if ((wait++)->revents != 0)
            client.answer.empty() ? read(client) : write(client);
    const auto now = Clock::now();
    clients_.remove_if([now](const Client& client) { return client.over || client.last_moment < now; });
    if (waits[1].revents != 0)
        accept();
}

void AdminSocket::accept() {
    FileDescriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
        // Out of descriptors it would be ready at once again.
        if (!would_block())
            std::this_thread::sleep_for(kAcceptPause);
        return;
    }
    if (const auto allowed = check_peer(socket); !allowed) {
        log::warning("{}", allowed.error().message);
        return;
    }
    if (clients_.size() >= kMaximumAdminClients)
        clients_.pop_front();
    clients_.push_back({std::move(socket), Clock::now() + kAdminClientTime, {}, {}, 0, false});
}

void AdminSocket::read(Client& client) {
    std::array<char, kMaximumAdminRequest> part;
    const auto got = ::recv(client.socket.get(), part.data(), part.size(), 0);
    if (got < 0 && would_block())
        return;
    if (got < 0 || (got == 0 && client.request.empty())) {
        client.over = true;
        return;
    }
    if (got == 0)  // the end of what it says ends its line, too
        client.request += '\n';
    client.request.append(part.data(), static_cast<std::size_t>(got));
    const auto end = client.request.find('\n');
    if (end < kMaximumAdminRequest)
        reply(client, answer_(std::string_view(client.request).substr(0, end)));
    else if (client.request.size() >= kMaximumAdminRequest)
        reply(client, std::string(kTooLong));
}

void AdminSocket::reply(Client& client, std::string answer) {
    client.answer = std::move(answer) + '\n';
    client.last_moment = Clock::now() + kAdminClientTime;
    write(client);
}

void AdminSocket::write(Client& client) {
    const auto left = std::string_view(client.answer).substr(client.sent);
    const auto sent = ::send(client.socket.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && would_block())
        return;
    if (sent > 0)
        client.sent += static_cast<std::size_t>(sent);
    // One request a connection: the end of the stream is the end of the answer.
    client.over = sent < 0 || client.sent == client.answer.size();
}

}  // namespace pmemckpt::driver
