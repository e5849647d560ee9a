#pragma once
// What is served: files of a directory, open in sessions, which go back to a sync point with all that was
// done to them since: bytes, sizes, names, existence, positions.
//
//     an operation     while its caller holds work(); what it changes is in the undo log, on disk, before it
//                      is changed
//     save, restore    while nobody does: no operation is half done
//
// Lock order: work(), then mutex_.
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "lib/sync/program.hh"
#include "utils/pmemckpt-filed/open_files.hh"
#include "utils/pmemckpt-filed/served_directory.hh"
#include "utils/pmemckpt-filed/undo_log.hh"

namespace pmemckpt::filed {

struct Moved {
    std::size_t bytes = 0;
    std::uint64_t position = 0;  ///< after it
};

/// Threads: all calls may come from any thread, those of one session from one at a time.
class Files {
public:
    /// What was changed since the last sync point and not brought back is known from the undo log. ENOENT,
    /// ENOSYS, EBADMSG.
    static Result<std::unique_ptr<Files>> open(const std::string& directory);

    /// Who has it may call what follows; save and restore wait for it. What must be so for an operation is
    /// looked at while one has it.
    std::shared_lock<std::shared_mutex> work() { return std::shared_lock(quiet_); }

    // Paths: EACCES, EINVAL as check_path(). Handles: EBADF.

    Result<std::uint32_t> open(std::uint64_t session, const std::string& path, std::uint32_t flags,
                               std::uint32_t mode);
    Status close(std::uint64_t session, std::uint32_t handle);
    void close_all_of(std::uint64_t session);
    /// From the position on: as many bytes as there are, up to all of `into`.
    Result<Moved> read(std::uint64_t session, std::uint32_t handle, std::span<std::byte> into);
    /// From the position on, or at the end: all of them. ENOSPC.
    Result<Moved> write(std::uint64_t session, std::uint32_t handle, std::span<const std::byte> bytes);
    Result<Moved> seek(std::uint64_t session, std::uint32_t handle, std::int64_t offset, Whence whence);
    Status truncate(std::uint64_t session, std::uint32_t handle, std::uint64_t size);
    /// What `to` was is gone. EBUSY when that is open.
    Status rename(const std::string& from, const std::string& to);
    /// EBUSY when it is open.
    Status remove(const std::string& path);
    struct Seen {
        std::uint64_t size = 0;
        std::uint32_t mode = 0;
        std::int64_t modified_ns = 0;
    };
    /// Of a plain file.
    Result<Seen> look_at(const std::string& path);
    Result<std::uint64_t> size_of(std::uint64_t session, std::uint32_t handle);
    std::size_t count_of(std::uint64_t session);
    /// What was written to it is on disk.
    Status flush(std::uint64_t session, std::uint32_t handle);

    /// Its sync points: save() flushes all files that were changed since the one before.
    sync::Program program();
    /// Nobody goes back beyond this one any more: what only that would need is removed.
    Status forget_before(const sync::SyncPointId& oldest);

private:
    struct Tracked {  // a file that was changed since the last sync point
        std::uint64_t size_before = 0;
        std::set<std::uint64_t> saved_blocks;
    };

    Files(ServedDirectory directory, FileDescriptor trash, UndoLog undo)
        : directory_(std::move(directory)), trash_(std::move(trash)), undo_(std::move(undo)) {}
    Result<std::shared_ptr<OpenFile>> find(std::uint64_t session, std::uint32_t handle, std::uint32_t flag);
    Result<FileDescriptor> open_or_make(const std::string& path, std::uint32_t flags, std::uint32_t mode);
    Result<FileDescriptor> make(const std::string& path, int flags, std::uint32_t mode);
    Status truncate(OpenFile& file, std::uint64_t size);

    Status check_is_file(const std::string& path) const;

    // Under mutex_.
    Status will_change(const OpenFile& file, std::uint64_t at, std::uint64_t bytes);
    Status save_block(const OpenFile& file, Tracked& tracked, std::uint64_t block);
    Status put_away(const std::string& path);
    Status save(const sync::SyncPointId& id, const sync::Sink& sink);
    Result<std::vector<SavedFile>> saved_files() const;
    Status flush_changed();
    Status restore(const sync::SyncPointId& id, const sync::Source& source);
    Status reopen(const SavedFile& saved);
    Status undo(const Change& change, std::span<const std::byte> raw);
    Status undo_names(const Change& change);
    Status flush_undone();

    ServedDirectory directory_;
    FileDescriptor trash_;
    std::shared_mutex quiet_;

    std::mutex mutex_;  // guards all below
    UndoLog undo_;
    OpenFiles open_files_;
    std::map<std::uint64_t, Tracked> tracked_;      // by inode
    std::set<std::string> changed_;                 // paths to be flushed at the next sync point
    std::map<std::string, FileDescriptor> undone_;  // to be flushed in a rollback
    std::uint64_t last_trash_ = 0;
};

}  // namespace pmemckpt::filed
