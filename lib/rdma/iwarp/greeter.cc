#include "lib/rdma/iwarp/greeter.hh"

#include <sys/socket.h>

#include <cerrno>

namespace pmemckpt::rdma::iwarp {

Result<bool> Greeter::send(int socket) {
    while (sent_ < out_.size()) {
        const ssize_t count =
            ::send(socket, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return false;
        if (count < 0)
            return fail_errno(errno, "the connection ended in the MPA start-up");
        sent_ += static_cast<std::size_t>(count);
    }
    return true;
}

Result<std::optional<StartUp>> Greeter::receive(int socket, Greeting kind) {
    while (true) {
        std::size_t wanted = kStartUpBytes;
        StartUp frame;
        if (have_ >= kStartUpBytes) {
            frame = TRY(decode_start_up(std::span(in_).first<kStartUpBytes>(), kind));
            wanted += frame.private_bytes;
        }
        if (have_ >= kStartUpBytes && have_ == wanted) {
            decode_private(frame, std::span(in_).subspan(kStartUpBytes, frame.private_bytes));
            return frame;
        }
        const ssize_t count = ::recv(socket, in_.data() + have_, wanted - have_, MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return std::nullopt;
        // Without a word, as when it is killed at that moment: that is a loss, and may be worth another
        // attempt.
        if (count <= 0)
            return fail(have_ == 0 ? ECONNRESET : EPROTO,
                        "the peer closed the connection in the MPA start-up: it has ended, does not speak "
                        "iWARP, or is too busy");
        have_ += static_cast<std::size_t>(count);
    }
}

}  // namespace pmemckpt::rdma::iwarp
