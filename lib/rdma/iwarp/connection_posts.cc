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

Status IwarpConnection::post(Operation operation) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (no_posts_)
            return fail(ENOTCONN, "the connection to {} is closed", peer_address_);
        if (queued_ >= kMaximumQueued)
            return fail(EAGAIN,
                        "{} operations wait on the connection to {}; post again when some have completed",
                        queued_, peer_address_);
        ++queued_;
        posted_.push_back(std::move(operation));
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

void IwarpConnection::forget_posts(std::size_t count) {
    if (count == 0)
        return;
    const std::lock_guard<std::mutex> lock(mutex_);
    queued_ -= count;
}

Status IwarpConnection::post_message(std::span<const std::byte> message, Operation::Kind kind, Key key) {
    if (message.size() > kMaximumMessage)
        return fail(EMSGSIZE, "a message of {} bytes is too long: {} at most", message.size(),
                    kMaximumMessage);
    Operation operation;
    operation.kind = kind;
    operation.message.assign(message.begin(), message.end());
    operation.key = key;
    return post(std::move(operation));
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

Result<Operation> IwarpConnection::tagged(Operation::Kind kind, std::shared_ptr<Registration> local,
                                          Extent range, const Grant& remote, Offset offset,
                                          std::uint64_t tag) const {
    if (!local || !fits(range, {local->bytes().size()}))
        return fail(EINVAL, "bytes {} + {} are not within the registered memory", range.at.bytes,
                    range.size.bytes);
    if (offset.bytes > UINT64_MAX - remote.base)
        return fail(EINVAL, "offset {} from {} is beyond any address", offset.bytes, remote.base);
    Operation operation;
    operation.kind = kind;
    operation.local = local->bytes().subspan(range.at.bytes, range.size.bytes);
    operation.owner = std::move(local);
    operation.key = remote.key;
    operation.remote_offset = remote.base + offset.bytes;
    operation.tag = tag;
    return operation;
}

Status IwarpConnection::write(std::shared_ptr<Registration> local, Extent from, const Grant& remote,
                              Offset offset, std::uint64_t tag) {
    return post(TRY(tagged(Operation::Kind::write, std::move(local), from, remote, offset, tag)));
}

Status IwarpConnection::read(std::shared_ptr<Registration> local, Extent into, const Grant& remote,
                             Offset offset, std::uint64_t tag) {
    if (into.size.bytes > kMaximumRead)
        return fail(EMSGSIZE, "a read of {} bytes is too long: {} at most", into.size.bytes, kMaximumRead);
    if (link_.agreed.outbound_reads == 0)
        return fail(EOPNOTSUPP, "the peer {} takes no reads", peer_address_);
    return post(TRY(tagged(Operation::Kind::read, std::move(local), into, remote, offset, tag)));
}

}  // namespace pmemckpt::rdma::iwarp
