#include "utils/pmemckpt-ctl/remote_file.hh"

#include <sodium.h>

#include <cerrno>

#include "lib/base/units.hh"

namespace pmemckpt::ctl {

namespace {

/// A flush of so much ends within the time that an answer may take, on a slow disk as well.
constexpr std::uint64_t kFlushEvery = 64 * kMiB;
/// Of a file's own name in its draft's: a name has 255 bytes at the most.
constexpr std::size_t kNameInDraft = 200;

/// "folder/name": "folder/.name.8F3A21C0.part". Programs on several hosts may copy to the same name.
std::string draft_name(const std::string& path) {
    const auto name = path.rfind('/') + 1;  // 0 without a slash
    return fmt::format("{}.{}.{:08x}.part", path.substr(0, name), path.substr(name, kNameInDraft),
                       ::randombytes_random());
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

Error rolled_back(const sync::FileSession& session, const std::string& path) {
    return {EAGAIN,
            fmt::format("{} was rolled back while {} was copied: copy it again", session.address(), path)};
}

/// A rollback ends what was begun before it, and closes the handles of who is in no job.
Error seen_as_rollback(Error error, const sync::FileSession& session, const std::string& path) {
    const bool is_one = error.code == EBADF || error.code == ESTALE || error.code == EUCLEAN;
    return is_one ? rolled_back(session, path) : error;
}

/// The handle must be where so many bytes have moved it.
Status check_handle(sync::FileSession& session, std::uint32_t handle, std::uint64_t moved,
                    const std::string& path) {
    const auto at = session.seek(handle, 0, sync::Whence::position);
    if (!at)
        return tl::unexpected(seen_as_rollback(at.error(), session, path));
    return *at == moved ? Status() : tl::unexpected(rolled_back(session, path));
}

}  // namespace

Result<RemoteReader> RemoteReader::open(sync::FileSession& session, const std::string& path) {
    RemoteReader reader(session, path);
    const auto opened = session.open(path, sync::kOpenRead);
    if (!opened && opened.error().code == ENOENT)
        return fail(ENOENT, "there is no file {} at {}", path, session.address());
    if (!opened)
        return tl::unexpected(opened.error());
    reader.handle_ = opened->handle;
    reader.status_ = TRY(session.stat(path));
    return reader;
}

Result<std::size_t> RemoteReader::read(std::span<std::byte> into) {
    const auto got = session_.read(handle_, into);
    if (!got)
        return tl::unexpected(seen_as_rollback(got.error(), session_, path_));
    read_ += *got;
    return got;
}

Status RemoteReader::check_position() {
    return check_handle(session_, handle_, read_, path_);
}

Status RemoteReader::check_unchanged() {
    TRY(check_position());
    const auto now = TRY(session_.stat(path_));
    if (now.size != status_.size || read_ != status_.size)
        return fail(EAGAIN, "{} at {} went from {} to {} bytes while it was copied: copy it again", path_,
                    session_.address(), status_.size, now.size);
    if (now.modified_ns != status_.modified_ns)
        return fail(EAGAIN, "{} at {} was written to while it was copied: copy it again", path_,
                    session_.address());
    return {};
}

Result<RemoteDraft> RemoteDraft::make(sync::FileSession& session, const std::string& path,
                                      std::uint32_t mode) {
    RemoteDraft draft(session, path, draft_name(path));
    const auto opened =
        session.open(draft.name_, sync::kOpenWrite | sync::kOpenCreate | sync::kOpenExclusive, mode);
    if (!opened && opened.error().code == ENOENT)
        return fail(ENOENT, "there is no folder {} at {}", folder_of(path), session.address());
    if (!opened)
        return tl::unexpected(draft.not_made(opened.error()));
    draft.handle_ = opened->handle;
    return draft;
}

/// It may have been made all the same: a folder that can't be brought to disk, an answer that was lost.
Error RemoteDraft::not_made(Error why) {
    why.message = fmt::format("can't make {}: {}", path_, why.message);
    return why.code == EEXIST ? why : removed(std::move(why));
}

Status RemoteDraft::check_position() {
    return check_handle(session_, handle_, written_, path_);
}

Status RemoteDraft::write(std::span<const std::byte> bytes) {
    const auto wrote = session_.write(handle_, bytes);
    if (!wrote)
        return tl::unexpected(seen_as_rollback(wrote.error(), session_, path_));
    written_ += bytes.size();
    if (written_ - flushed_ < kFlushEvery)
        return {};
    flushed_ = written_;
    return flush();
}

Status RemoteDraft::flush() {
    const auto flushed = session_.flush(handle_);
    return flushed ? Status() : tl::unexpected(seen_as_rollback(flushed.error(), session_, path_));
}

/// The handle is open till the file has its name, so that a rollback at any time is seen.
Status RemoteDraft::commit() {
    TRY(check_position());
    TRY(flush());
    TRY(session_.rename(name_, path_));
    name_ = path_;
    TRY(check_position());
    return session_.close(handle_);
}

Error RemoteDraft::give_up(Error why) {
    if (name_ == path_)
        return why;
    static_cast<void>(session_.close(handle_));  // what is open can't be removed; a rollback has closed it
    return removed(std::move(why));
}

Error RemoteDraft::removed(Error why) {
    auto removed = session_.remove(name_);
    if (!removed && removed.error().code == ESTALE && session_.join())
        removed = session_.remove(name_);
    if (!removed && removed.error().code != ENOENT)
        why.message += fmt::format(" ({} may be left at {})", name_, session_.address());
    return why;
}

}  // namespace pmemckpt::ctl
