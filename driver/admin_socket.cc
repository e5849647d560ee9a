#include "driver/admin_socket.hh"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
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

bool would_block() {
    return errno == EAGAIN || errno == EINTR;
}

/// Bytes, and who has sent them: none when the socket did not say.
struct Received {
    ssize_t size = 0;
    std::optional<ucred> sender;
};

Received receive(const FileDescriptor& socket, std::span<char> into) {
    iovec part{into.data(), into.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    Received received{::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC), {}};
    if (received.size <= 0)
        return received;
    for (auto* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS)
            std::memcpy(&received.sender.emplace(), CMSG_DATA(header), sizeof(ucred));
    return received;
}

/// Its sentences are of words and numbers, with nothing that JSON would have escaped.
std::string refusal(const Error& why) {
    return fmt::format(R"({{"error":"{}","refused":true}})", why.message);
}

}  // namespace

Result<std::unique_ptr<AdminSocket>> AdminSocket::open(const std::string& path, const AdminPeers& peers,
                                                       AdminAnswer answer) {
    auto listener = TRY(listen_at(path, peers));
    FileDescriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake)
        return fail_errno(errno, "can't make an eventfd");
    return std::unique_ptr<AdminSocket>(
        new AdminSocket(path, peers, std::move(listener), std::move(wake), std::move(answer)));
}

AdminSocket::AdminSocket(std::string path, AdminPeers peers, FileDescriptor listener, FileDescriptor wake,
                         AdminAnswer answer)
    : path_(std::move(path)),
      peers_(peers),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      answer_(std::move(answer)) {}

void AdminSocket::serve() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

AdminSocket::~AdminSocket() {
    thread_.request_stop();
    ::eventfd_write(wake_.get(), 1);
    if (thread_.joinable())
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
    // He takes nobody's place, and need not have asked anything.
    if (const auto allowed = check_peer(socket, peers_); !allowed) {
        Client refused{std::move(socket), Clock::now(), {}, {}, 0, false};
        refuse(refused, allowed.error());
        return;
    }
    if (clients_.size() >= kMaximumAdminClients)
        clients_.pop_front();
    clients_.push_back({std::move(socket), Clock::now() + kAdminClientTime, {}, {}, 0, false});
}

void AdminSocket::read(Client& client) {
    std::array<char, kMaximumAdminRequest> part;
    const auto [got, sender] = receive(client.socket, part);
    if (got < 0 && would_block())
        return;
    if (got < 0 || (got == 0 && client.request.empty())) {
        client.over = true;
        return;
    }
    if (got > 0 && !sender)
        return refuse(client, {EACCES, "admin socket: the kernel does not say who has sent this"});
    if (const auto allowed = sender ? check_sender(client.socket, *sender) : Status(); !allowed)
        return refuse(client, allowed.error());
    if (got == 0)  // the end of what it says ends its line, too
        client.request += '\n';
    client.request.append(part.data(), static_cast<std::size_t>(got));
    const auto end = client.request.find('\n');
    if (end < kMaximumAdminRequest)
        reply(client, answer_(std::string_view(client.request).substr(0, end)));
    else if (client.request.size() >= kMaximumAdminRequest)
        reply(client, std::string(kTooLong));
}

void AdminSocket::refuse(Client& client, const Error& why) {
    log::warning("{}", why.message);
    reply(client, refusal(why));
    client.over = true;
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
