#include "fuse/remote_log.hh"

#include <cerrno>

namespace pmemckpt::view {

/// nullptr: there is no such log yet.
Result<std::shared_ptr<RemoteLog::Opened>> RemoteLog::opened() {
    const std::lock_guard lock(mutex_);
    if (!opened_ || !opened_->client->state())
        opened_ = TRY(open());
    return opened_;
}

/// Under mutex_.
Result<std::shared_ptr<RemoteLog::Opened>> RemoteLog::open() {
    auto client = TRY(connection_->client());
    auto stream = client::LogStream::open(client, region_);
    const bool is_none = !stream && (stream.error().code == ENODATA || stream.error().code == ENOENT);
    if (!stream && !is_none)
        return tl::unexpected(std::move(stream).error());
    if (log_id_ != 0 && (is_none || (*stream)->log_id() != log_id_))
        return fail(ESTALE, "the log of {} behind generation {} has ended", region_, generation_);
    if (is_none || (*stream)->generation() != generation_)
        return nullptr;
    log_id_ = (*stream)->log_id();
    return std::make_shared<Opened>(Opened{std::move(client), std::move(*stream)});
}

Result<std::size_t> RemoteLog::read(std::uint64_t offset, std::span<std::byte> into) {
    auto opened = TRY(this->opened());
    if (!opened)
        return 0;
    auto got = opened->stream->read(offset, into);
    if (got || opened->client->state())
        return got;
    opened = TRY(this->opened());  // it broke meanwhile
    return opened ? opened->stream->read(offset, into) : 0;
}

std::uint64_t RemoteLog::log_id() {
    const std::lock_guard lock(mutex_);
    return log_id_;
}

Result<std::uint64_t> RemoteLog::size() {
    const auto opened = TRY(this->opened());
    return opened ? opened->stream->size() : 0;
}

}  // namespace pmemckpt::view
