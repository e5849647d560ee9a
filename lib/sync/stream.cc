#include "lib/sync/stream.hh"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/tcp_socket.hh"

namespace pmemckpt::sync {

namespace {

constexpr unsigned kSilence_ms = 20'000;  // a peer whose host is gone is noticed within it
constexpr std::int64_t kLongestPoll_ms = 3'600'000;

bool is_not_yet(int code) {
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

}  // namespace

Result<Stream> Stream::connect(const Address& address, Milliseconds limit) {
    auto connected = TRY(connect_socket(address, Clock::now() + limit));
    TRY(set_up_connection(connected.socket.get(), kSilence_ms, 0));
    Stream stream(std::move(connected.socket), format_address(address));
    stream.set_patience(limit);
    return stream;
}

tl::unexpected<Error> Stream::lost(int code) const {
    if (code == 0 || code == EPIPE || code == ECONNRESET)
        return fail(ECONNRESET, "the connection to {} was lost", peer_);
    if (code == ETIMEDOUT)
        return fail(ETIMEDOUT, "{} did not answer in time", peer_);
    return fail_errno(code, "the connection to {} was lost", peer_);
}

Stream::Clock::time_point Stream::limit() const {
    const auto limit = Clock::now() + patience_;
    return deadline_ ? std::min(limit, *deadline_) : limit;
}

Status Stream::wait(short events, Clock::time_point until) {
    for (;;) {
        const auto left = std::chrono::ceil<Milliseconds>(until - Clock::now()).count();
        if (left <= 0)
            return lost(ETIMEDOUT);
        pollfd watched{socket_.get(), events, 0};
        const int ready =
            ::poll(&watched, 1, static_cast<int>(std::min<std::int64_t>(left, kLongestPoll_ms)));
        if (ready > 0)
            return {};
        if (ready < 0 && errno != EINTR)
            return lost(errno);
    }
}

Status Stream::send(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0)
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        else if (!is_not_yet(errno))
            return lost(errno);
        else
            TRY(wait(POLLOUT, limit()));
    }
    return {};
}

Status Stream::receive(std::span<std::byte> into) {
    while (!into.empty()) {
        const auto got = ::recv(socket_.get(), into.data(), into.size(), 0);
        if (got > 0)
            into = into.subspan(static_cast<std::size_t>(got));
        else if (got == 0 || !is_not_yet(errno))
            return lost(got == 0 ? 0 : errno);
        else
            TRY(wait(POLLIN, limit()));
    }
    return {};
}

/// A message is small: all of it must come within the time that a byte may take elsewhere, from its first on.
Result<Received> Stream::receive_message(std::size_t limit) {
    Received received;
    received.whole.resize(wire::kHeaderBytes);
    TRY(receive(std::span(received.whole).first(1)));
    const auto before = deadline_;
    deadline_ = this->limit();
    auto rest = receive_rest(received, limit);
    deadline_ = before;
    TRY(std::move(rest));
    return received;
}

Status Stream::receive_rest(Received& received, std::size_t limit) {
    TRY(receive(std::span(received.whole).subspan(1)));
    wire::Decoder decoder(received.whole);
    decoder(received.header);
    if (received.header.body_bytes > limit - wire::kHeaderBytes)
        return fail(EMSGSIZE, "{} sent a message of {} bytes: {} at most", peer_,
                    wire::kHeaderBytes + std::uint64_t{received.header.body_bytes}, limit);
    received.whole.resize(wire::kHeaderBytes + received.header.body_bytes);
    TRY(receive(std::span(received.whole).subspan(wire::kHeaderBytes)));
    TRY(wire::parse_message(received.whole));  // its version
    return {};
}

Status Stream::wait_for_message() {
    pollfd watched{socket_.get(), POLLIN, 0};
    int ready;
    do
        ready = ::poll(&watched, 1, -1);
    while (ready < 0 && errno == EINTR);
    return ready > 0 ? Status() : lost(errno);
}

void Stream::cut() {
    ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace pmemckpt::sync
