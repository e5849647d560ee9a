#include "driver/channel.hh"

#include <cerrno>

namespace pmemckpt::driver {

std::shared_ptr<rdma::Connection> Channel::connection() const {
    const std::lock_guard lock(mutex_);
    return connection_;
}

void Channel::send(std::span<const std::byte> message) {
    const auto to = connection();
    if (!to)
        return;
    auto sent = to->send(message);
    if (!sent && sent.error().code != ENOTCONN)
        to->close(std::move(sent).error());
}

void Channel::close(Error why) {
    if (const auto to = connection())
        to->close(std::move(why));
}

Result<rdma::Grant> Channel::grant(rdma::Translation translation, rdma::Access access) {
    const auto to = connection();
    if (!to)
        return fail(ENOTCONN, "the connection is closed");
    return to->grant(std::move(translation), access);
}

void Channel::revoke(rdma::Key key) {
    if (const auto to = connection())
        to->revoke(key);
}

bool Channel::reads_persist() const {
    const auto to = connection();
    return to && to->reads_persist();
}

rdma::Peer Channel::peer() const {
    if (const auto to = connection())
        return to->peer();
    const std::lock_guard lock(mutex_);
    return last_peer_;
}

void Channel::release() {
    const auto to = connection();
    if (!to)
        return;
    auto peer = to->peer();
    const std::lock_guard lock(mutex_);
    last_peer_ = std::move(peer);
    connection_.reset();
}

}  // namespace pmemckpt::driver
