#include "lib/sync/file_session.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::sync {

namespace {

/// Which ones are good is the service's to say; a longer one fits into no request.
Status check_path(const std::string& path) {
    if (path.size() > UINT16_MAX)
        return fail(ENAMETOOLONG, "a path of {} bytes can't be sent: {} at most", path.size(), UINT16_MAX);
    return {};
}

}  // namespace

Result<std::unique_ptr<FileSession>> FileSession::connect(const Caller::Wanted& wanted,
                                                          const Membership& of) {
    auto caller = TRY(Caller::connect(wanted));
    auto session = std::unique_ptr<FileSession>(new FileSession(std::move(caller), of));
    TRY(session->join());
    return session;
}

Status FileSession::join() {
    joined_after_ = of_.rollbacks ? of_.rollbacks->load() : 0;
    const auto joined = TRY(caller_.ask<FileJoined>(FileJoin{of_.job, of_.instance, of_.session}));
    open_files_ = joined.open_files;
    return {};
}

/// Before the first request of a call; none but the first may join: the rest of what a call has begun before
/// a rollback must not come after it.
Status FileSession::begin() {
    return of_.rollbacks && of_.rollbacks->load() != joined_after_ && !is_lost() ? join() : Status();
}

template <class Answer, class Request>
Result<Answer> FileSession::ask(const Request& request) {
    TRY(begin());
    return caller_.ask<Answer>(request);
}

Result<FileOpened> FileSession::open(const std::string& path, std::uint32_t flags, std::uint32_t mode) {
    TRY(check_path(path));
    return ask<FileOpened>(FileOpen{path, flags, mode});
}

Status FileSession::close(std::uint32_t handle) {
    TRY(ask<wire::Empty>(FileClose{handle}));
    return {};
}

Result<std::size_t> FileSession::read_piece(std::uint32_t handle, std::span<std::byte> into) {
    const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(into.size(), kMostFileBytes));
    const auto moved = TRY(caller_.ask<FileMoved>(FileRead{handle, wanted}));
    return caller_.note([&]() -> Result<std::size_t> {
        if (moved.bytes > wanted)
            return fail(EPROTO, "{} sent {} bytes where {} were asked for", caller_.address(), moved.bytes,
                        wanted);
        TRY(caller_.stream().receive(into.first(moved.bytes)));
        return moved.bytes;
    });
}

Result<std::size_t> FileSession::read(std::uint32_t handle, std::span<std::byte> into) {
    TRY(begin());
    std::size_t count = 0;
    while (count < into.size()) {
        const auto got = TRY(read_piece(handle, into.subspan(count)));
        if (got == 0)
            break;
        count += got;
    }
    return count;
}

Status FileSession::write_piece(std::uint32_t handle, std::span<const std::byte> piece) {
    const auto size = static_cast<std::uint32_t>(piece.size());
    const auto moved = TRY(caller_.ask<FileMoved>(FileWrite{handle, size}, piece));
    return caller_.note([&]() -> Status {
        if (moved.bytes != size)
            return fail(EPROTO, "{} has written {} bytes where {} were sent", caller_.address(), moved.bytes,
                        size);
        return {};
    });
}

Status FileSession::write(std::uint32_t handle, std::span<const std::byte> bytes) {
    TRY(begin());
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min<std::size_t>(bytes.size(), kMostFileBytes));
        TRY(write_piece(handle, piece));
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

Result<std::uint64_t> FileSession::seek(std::uint32_t handle, std::int64_t offset, Whence whence) {
    return TRY(ask<FileMoved>(FileSeek{handle, offset, whence})).position;
}

Status FileSession::truncate(std::uint32_t handle, std::uint64_t size) {
    TRY(ask<wire::Empty>(FileTruncate{handle, size}));
    return {};
}

Status FileSession::flush(std::uint32_t handle) {
    TRY(ask<wire::Empty>(FileFlush{handle}));
    return {};
}

Status FileSession::rename(const std::string& from, const std::string& to) {
    TRY(check_path(from));
    TRY(check_path(to));
    TRY(ask<wire::Empty>(FileRename{from, to}));
    return {};
}

Status FileSession::remove(const std::string& path) {
    TRY(check_path(path));
    TRY(ask<wire::Empty>(FileRemove{path}));
    return {};
}

Result<FileStatus> FileSession::stat(const std::string& path) {
    TRY(check_path(path));
    return ask<FileStatus>(FileStat{path});
}

Status FileSession::leave() {
    TRY(ask<wire::Empty>(FileLeave{}));
    return {};
}

}  // namespace pmemckpt::sync
