// What users post: from any thread, never waiting.
#include <cerrno>

#include "lib/rdma/verbs/connection.hh"

namespace pmemckpt::rdma::verbs {

Status VerbsConnection::post(Work work) {
    auto posted = queue_->post(std::move(work));
    if (!posted && posted.error().code == ENOTCONN)
        return fail(ENOTCONN, "the connection to {} is closed", peer_address_);
    // What the device refuses ends the connection, on its own thread.
    if (queue_->failure())
        reactor_->wake(shared_from_this());
    return posted;
}

Status VerbsConnection::post_message(std::span<const std::byte> message, Work::Kind kind, Key key) {
    if (message.size() > kMaximumMessage)
        return fail(EMSGSIZE, "a message of {} bytes is too long: {} at most", message.size(),
                    kMaximumMessage);
    Work work;
    work.kind = kind;
    work.message.assign(message.begin(), message.end());
    work.key = key;
    return post(std::move(work));
}

Status VerbsConnection::send(std::span<const std::byte> message) {
    return post_message(message, Work::Kind::send, 0);
}

Status VerbsConnection::send_with_invalidate(std::span<const std::byte> message, Key key) {
    return post_message(message, Work::Kind::send_invalidate, key);
}

Result<std::shared_ptr<Registration>> VerbsConnection::register_memory(std::span<std::byte> bytes) {
    return TRY(LocalMemory::make(domain_, bytes));
}

Result<Work> VerbsConnection::transfer(Work::Kind kind, const std::shared_ptr<Registration>& local,
                                       Extent range, const Grant& remote, Offset offset,
                                       std::uint64_t tag) const {
    auto memory = std::dynamic_pointer_cast<LocalMemory>(local);
    if (!memory || !memory->is_of(*domain_))
        return fail(EINVAL, "the memory is not registered with this connection");
    if (!fits(range, {memory->bytes().size()}))
        return fail(EINVAL, "bytes {} + {} are not within the registered memory", range.at.bytes,
                    range.size.bytes);
    if (kind == Work::Kind::read && !memory->takes_reads())
        return fail(EFAULT, "the memory to read into can't be written by the RDMA device");
    if (offset.bytes > UINT64_MAX - remote.base)
        return fail(EINVAL, "offset {} from {} is beyond any address", offset.bytes, remote.base);
    Work work;
    work.kind = kind;
    work.local = std::move(memory);
    work.range = range;
    work.remote = remote.base + offset.bytes;
    work.key = remote.key;
    work.tag = tag;
    return work;
}

Status VerbsConnection::write(std::shared_ptr<Registration> local, Extent from, const Grant& remote,
                              Offset offset, std::uint64_t tag) {
    return post(TRY(transfer(Work::Kind::write, local, from, remote, offset, tag)));
}

Status VerbsConnection::read(std::shared_ptr<Registration> local, Extent into, const Grant& remote,
                             Offset offset, std::uint64_t tag) {
    return post(TRY(transfer(Work::Kind::read, local, into, remote, offset, tag)));
}

Result<Grant> VerbsConnection::grant(Translation translation, Access access) {
    auto grant = windows_->grant(translation, access);
    if (queue_->failure())
        reactor_->wake(shared_from_this());
    return grant;
}

void VerbsConnection::revoke(Key key) {
    windows_->revoke(key);
}

}  // namespace pmemckpt::rdma::verbs
