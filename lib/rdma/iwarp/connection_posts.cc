// What users post: from any thread, never waiting.
#include "lib/rdma/iwarp/connection.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

class PlainMemory final : public Registration {
public:
    explicit PlainMemory(std::span<std::byte> bytes) : bytes_(bytes) {}
    std::span<std::byte> bytes() const override { return bytes_; }

private:
    std::span<std::byte> bytes_;
};

}  // namespace

Status IwarpConnection::post_all(std::vector<Operation> operations) {
    std::size_t bytes = 0;
    for (const auto& operation : operations)
        bytes += operation.message.size();
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (no_posts_)
            return fail(ENOTCONN, "the connection to {} is closed", peer_address_);
        if (queued_.count + operations.size() > kMaximumQueued || queued_.bytes + bytes > kMaximumQueuedBytes)
            return fail(
                EAGAIN,
                "{} operations wait on the connection to {}, with {} bytes of messages; post again when "
                "some have completed",
                queued_.count, peer_address_, queued_.bytes);
        queued_ = {queued_.count + operations.size(), queued_.bytes + bytes};
        std::move(operations.begin(), operations.end(), std::back_inserter(posted_));
    }
    wake();
    return {};
}

void IwarpConnection::take_posts() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        taking_.swap(posted_);
    }
    for (Operation& operation : taking_) {
        if (operation.kind == Operation::Kind::write || operation.kind == Operation::Kind::read)
            operation.ticket = completions_.expect(operation.tag);
        transmitter_.push(std::move(operation));
    }
    taking_.clear();
}

void IwarpConnection::forget_posts(Transmitter::Posts done) {
    if (done.count == 0)
        return;
    const std::lock_guard<std::mutex> lock(mutex_);
    queued_ = {queued_.count - done.count, queued_.bytes - done.bytes};
}

Status IwarpConnection::post_message(std::span<const std::byte> message, Operation::Kind kind, Key key) {
    if (message.size() > kMaximumMessage)
        return fail(EMSGSIZE, "a message of {} bytes is too long: {} at most", message.size(),
                    kMaximumMessage);
    Operation operation;
    operation.kind = kind;
    operation.message.assign(message.begin(), message.end());
    operation.key = key;
    std::vector<Operation> alone;
    alone.push_back(std::move(operation));
    return post_all(std::move(alone));
}

Status IwarpConnection::send(std::span<const std::byte> message) {
    return post_message(message, Operation::Kind::send, 0);
}

Status IwarpConnection::send_with_invalidate(std::span<const std::byte> message, Key key) {
    return post_message(message, Operation::Kind::send_invalidate, key);
}

Result<std::shared_ptr<Registration>> IwarpConnection::register_memory(std::span<std::byte> bytes) {
    return std::make_shared<PlainMemory>(bytes);
}

Result<Operation> IwarpConnection::tagged(const OneSided& one) const {
    if (one.kind == OneSided::Kind::flush)
        return fail(EOPNOTSUPP, "there is no RDMA FLUSH over iWARP");
    const bool is_read = one.kind == OneSided::Kind::read;
    if (is_read && one.range.size.bytes > kMaximumRead)
        return fail(EMSGSIZE, "a read of {} bytes is too long: {} at most", one.range.size.bytes,
                    kMaximumRead);
    if (is_read && link_.agreed.outbound_reads == 0)
        return fail(EOPNOTSUPP, "the peer {} takes no reads", peer_address_);
    if (!one.local || !fits(one.range, {one.local->bytes().size()}))
        return fail(EINVAL, "bytes {} + {} are not within the registered memory", one.range.at.bytes,
                    one.range.size.bytes);
    if (one.offset.bytes > UINT64_MAX - one.remote.base)
        return fail(EINVAL, "offset {} from {} is beyond any address", one.offset.bytes, one.remote.base);
    Operation operation;
    operation.kind = is_read ? Operation::Kind::read : Operation::Kind::write;
    operation.local = one.local->bytes().subspan(one.range.at.bytes, one.range.size.bytes);
    operation.owner = one.local;
    operation.key = one.remote.key;
    operation.remote_offset = one.remote.base + one.offset.bytes;
    operation.tag = one.tag;
    return operation;
}

Status IwarpConnection::post(std::span<const OneSided> operations) {
    std::vector<Operation> checked;
    for (const auto& one : operations)
        checked.push_back(TRY(tagged(one)));
    return post_all(std::move(checked));
}

}  // namespace pmemckpt::rdma::iwarp
