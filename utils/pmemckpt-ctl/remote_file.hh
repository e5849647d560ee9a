#pragma once
// One file of a pmemckpt-filed: read to its end, or made anew.
//
// A rollback of the service meanwhile gives its files back what they were, and may set this one back to an
// earlier position: so it is asked for at the end, and a copy that met one is none.
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lib/sync/file_session.hh"

namespace pmemckpt::ctl {

/// Threads: one at a time, with its session.
class RemoteReader {
public:
    /// ENOENT; EINVAL when it is no plain file.
    static Result<RemoteReader> open(sync::FileSession& session, const std::string& path);

    /// As it was when it was opened.
    const sync::FileStatus& status() const { return status_; }
    /// Fills `into`; less only at the end.
    Result<std::size_t> read(std::span<std::byte> into);
    /// What was read is what lies one after the other in the file: EAGAIN when the service was rolled back.
    Status check_position();
    /// It has been read to its end, and was not changed since it was opened. EAGAIN.
    Status check_unchanged();
    Status close() { return session_.close(handle_); }

private:
    RemoteReader(sync::FileSession& session, std::string path) : session_(session), path_(std::move(path)) {}

    sync::FileSession& session_;
    std::string path_;
    sync::FileStatus status_;
    std::uint32_t handle_ = 0;
    std::uint64_t read_ = 0;
};

/// It has another name in the same folder until it is whole and on disk. Who does not commit it gives it up.
/// Threads: one at a time, with its session.
class RemoteDraft {
public:
    /// ENOENT when the folder is not there.
    static Result<RemoteDraft> make(sync::FileSession& session, const std::string& path, std::uint32_t mode);

    Status write(std::span<const std::byte> bytes);
    /// It is on disk, and has its name, in place of a file that was there. EAGAIN when the service was rolled
    /// back; EBUSY when somebody has that file open.
    Status commit();
    /// It is removed; says so when it can't be. Returns `why`.
    Error give_up(Error why);
    std::uint64_t written() const { return written_; }

private:
    RemoteDraft(sync::FileSession& session, std::string path, std::string name)
        : session_(session), path_(std::move(path)), name_(std::move(name)) {}
    Status check_position();
    Status flush();
    Error not_made(Error why);
    Error removed(Error why);

    sync::FileSession& session_;
    std::string path_, name_;  // what it will be, and what it is
    std::uint32_t handle_ = 0;
    std::uint64_t written_ = 0, flushed_ = 0;
};

}  // namespace pmemckpt::ctl
