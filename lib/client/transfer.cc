#include "lib/client/transfer.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::client {

namespace {

using Kind = rdma::OneSided::Kind;

Error stalled(Exchange& exchange) {
    return {ETIMEDOUT, fmt::format("the connection to {} was given up: nothing moved for {} s; connect again",
                                   exchange.server(), kStallLimit.count() / 1000)};
}

}  // namespace

void wait_until_unused(InFlight& in_flight, Session& session) {
    if (!session.exchange().wait_below(in_flight, 1, kStallLimit)) {
        session.exchange().end(stalled(session.exchange()));
        in_flight.wait_for_all();  // the engine completes all of a connection that was closed
    }
}

RegisteredBuffer::~RegisteredBuffer() {
    wait_until_unused(*in_flight_, *session_);
}

Transfer::Transfer(std::shared_ptr<Session> session, const wire::Window& window, std::size_t most_in_flight)
    : session_(std::move(session)), window_{window.key, window.base}, most_in_flight_(most_in_flight) {}

Transfer::Transfer(std::shared_ptr<Session> session, std::size_t most_in_flight)
    : Transfer(std::move(session), wire::Window{}, most_in_flight) {}

Transfer::~Transfer() {
    wait_until_unused(*in_flight_, *session_);
}

Status Transfer::failure() const {
    const auto error = in_flight_->error();
    if (error)
        return tl::unexpected(session_->exchange().reason(*error));
    return session_->exchange().state();
}

Status Transfer::wait_for_room() {
    if (!session_->exchange().wait_below(*in_flight_, most_in_flight_, kStallLimit))
        session_->exchange().end(stalled(session_->exchange()));
    return failure();
}

Status Transfer::post(Operation operation) {
    TRY(wait_for_room());
    gathered_.push_back(std::move(operation));
    if (is_gathering_ && gathered_.size() < most_in_flight_)
        return {};
    return session_->exchange().post(std::exchange(gathered_, {}));
}

/// What fails is an operation that has failed, and is told as that.
Status Transfer::post_gathered() {
    is_gathering_ = false;
    return gathered_.empty() ? Status() : session_->exchange().post(std::exchange(gathered_, {}));
}

Status Transfer::write(const std::shared_ptr<rdma::Registration>& local, Extent from, Offset offset,
                       const RegisteredBuffer* buffer) {
    return post(
        {{Kind::write, local, from, window_, offset, 0}, in_flight_, buffer ? buffer->in_flight() : nullptr});
}

Status Transfer::write(const std::shared_ptr<rdma::Registration>& local, Extent from,
                       const wire::Window& window, Offset offset, std::shared_ptr<InFlight> buffer) {
    return post(
        {{Kind::write, local, from, {window.key, window.base}, offset, 0}, in_flight_, std::move(buffer)});
}

Status Transfer::read(const std::shared_ptr<rdma::Registration>& local, Extent into,
                      const wire::Window& window, Offset offset) {
    return post({{Kind::read, local, into, {window.key, window.base}, offset, 0}, in_flight_, nullptr});
}

Status Transfer::flush(const wire::Window& window, Offset offset, std::uint64_t size) {
    return post(
        {{Kind::flush, nullptr, {{0}, {size}}, {window.key, window.base}, offset, 0}, in_flight_, nullptr});
}

Status Transfer::read(const std::shared_ptr<rdma::Registration>& local, Offset offset) {
    const std::uint64_t size = local->bytes().size();
    for (std::uint64_t at = 0; at < size;) {
        const auto piece = std::min(kPieceBytes, size - at);
        TRY(post(
            {{Kind::read, local, {{at}, {piece}}, window_, {offset.bytes + at}, 0}, in_flight_, nullptr}));
        at += piece;
    }
    return {};
}

Status Transfer::drain() {
    wait_until_unused(*in_flight_, *session_);
    return failure();
}

}  // namespace pmemckpt::client
