#include "lib/sync/file_session.hh"

#include <algorithm>

namespace pmemckpt::sync {

Result<std::unique_ptr<FileSession>> FileSession::connect(const Caller::Wanted& wanted,
                                                          const Membership& of) {
    auto session = std::unique_ptr<FileSession>(new FileSession(TRY(Caller::connect(wanted))));
    const auto joined = TRY(session->caller_.ask<FileJoined>(FileJoin{of.job, of.instance, of.session}));
    session->open_files_ = joined.open_files;
    return session;
}

Result<FileOpened> FileSession::open(const std::string& path, std::uint32_t flags, std::uint32_t mode) {
    return caller_.ask<FileOpened>(FileOpen{path, flags, mode});
}

Status FileSession::close(std::uint32_t handle) {
    TRY(caller_.ask<wire::Empty>(FileClose{handle}));
    return {};
}

Result<std::size_t> FileSession::read_piece(std::uint32_t handle, std::span<std::byte> into) {
    const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(into.size(), kMostFileBytes));
    const auto moved = TRY(caller_.ask<FileMoved>(FileRead{handle, wanted}));
    if (moved.bytes > wanted)
        return caller_.note(Result<std::size_t>(fail(EPROTO, "{} sent {} bytes where {} were asked for",
                                                     caller_.address(), moved.bytes, wanted)));
    TRY(caller_.note(caller_.stream().receive(into.first(moved.bytes))));
    return moved.bytes;
}

Result<std::size_t> FileSession::read(std::uint32_t handle, std::span<std::byte> into) {
    std::size_t count = 0;
    while (count < into.size()) {
        const auto got = TRY(read_piece(handle, into.subspan(count)));
        if (got == 0)
            break;
        count += got;
    }
    return count;
}

Status FileSession::write(std::uint32_t handle, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min<std::size_t>(bytes.size(), kMostFileBytes));
        TRY(caller_.ask<FileMoved>(FileWrite{handle, static_cast<std::uint32_t>(piece.size())}, piece));
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

Result<std::uint64_t> FileSession::seek(std::uint32_t handle, std::int64_t offset, Whence whence) {
    return TRY(caller_.ask<FileMoved>(FileSeek{handle, offset, whence})).position;
}

Status FileSession::truncate(std::uint32_t handle, std::uint64_t size) {
    TRY(caller_.ask<wire::Empty>(FileTruncate{handle, size}));
    return {};
}

Status FileSession::flush(std::uint32_t handle) {
    TRY(caller_.ask<wire::Empty>(FileFlush{handle}));
    return {};
}

Status FileSession::rename(const std::string& from, const std::string& to) {
    TRY(caller_.ask<wire::Empty>(FileRename{from, to}));
    return {};
}

Status FileSession::remove(const std::string& path) {
    TRY(caller_.ask<wire::Empty>(FileRemove{path}));
    return {};
}

Result<FileStatus> FileSession::stat(const std::string& path) {
    return caller_.ask<FileStatus>(FileStat{path});
}

Status FileSession::leave() {
    TRY(caller_.ask<wire::Empty>(FileLeave{}));
    return {};
}

}  // namespace pmemckpt::sync
