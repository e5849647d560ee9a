// What users post: from any thread, never waiting.
#include <cerrno>
#include <typeinfo>

#include "lib/rdma/verbs/connection.hh"

namespace pmemckpt::rdma::verbs {

Status VerbsConnection::post_all(std::span<Work> works) {
    auto posted = queue_->post(works);
    if (!posted && posted.error().code == ENOTCONN)
        return fail(ENOTCONN, "the connection to {} is closed", peer_address_);
    // What the device refuses ends the connection, on its own thread.
    if (queue_->has_failed())
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
    return post_all({&work, 1});
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

Status VerbsConnection::fill(Work& work, const OneSided& one) const {
    switch (one.kind) {
        case OneSided::Kind::write: work.kind = Work::Kind::write; break;
        case OneSided::Kind::read: work.kind = Work::Kind::read; break;
        case OneSided::Kind::flush: work.kind = Work::Kind::flush; break;
    }
    if (work.kind != Work::Kind::flush)
        work.local = TRY(local_of(one));
    else if (!pair_->flushes())
        return fail(EOPNOTSUPP, "RDMA device {} has no RDMA FLUSH", domain_->traits().device);
    if (one.offset.bytes > UINT64_MAX - one.remote.base)
        return fail(EINVAL, "offset {} from {} is beyond any address", one.offset.bytes, one.remote.base);
    work.range = one.range;
    work.remote = one.remote.base + one.offset.bytes;
    work.key = one.remote.key;
    work.tag = one.tag;
    return {};
}

Result<std::shared_ptr<LocalMemory>> VerbsConnection::local_of(const OneSided& one) const {
    // No class derives from it, so this is what a dynamic_cast would say, and is asked for each operation.
    const auto* registration = one.local.get();
    auto memory = registration && typeid(*registration) == typeid(LocalMemory)
                      ? std::static_pointer_cast<LocalMemory>(one.local)
                      : nullptr;
    if (!memory || !memory->is_of(*domain_))
        return fail(EINVAL, "the memory is not registered with this connection");
    if (!fits(one.range, {memory->bytes().size()}))
        return fail(EINVAL, "bytes {} + {} are not within the registered memory", one.range.at.bytes,
                    one.range.size.bytes);
    if (one.kind == OneSided::Kind::read && !memory->takes_reads())
        return fail(EFAULT, "the memory to read into can't be written by the RDMA device");
    return memory;
}

Status VerbsConnection::post(std::span<const OneSided> operations) {
    std::vector<Work> works;
    works.reserve(operations.size());
    for (const auto& one : operations)
        TRY(fill(works.emplace_back(), one));
    return post_all(works);
}

Result<Grant> VerbsConnection::grant(Translation translation, Access access) {
    auto grant = windows_->grant(translation, access);
    if (queue_->has_failed())
        reactor_->wake(shared_from_this());
    return grant;
}

void VerbsConnection::revoke(Key key) {
    windows_->revoke(key);
}

}  // namespace pmemckpt::rdma::verbs
