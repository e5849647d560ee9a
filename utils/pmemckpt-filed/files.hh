#pragma once
// What is served: files of a directory, open in sessions, which go back to a sync point with all that was
// done to them since: bytes, sizes, names, existence, positions.
//
//     an operation     while its caller holds what work() gave; what it changes is in the undo log, on disk,
//                      before it is changed
//     save, restore    while nobody does: no operation is half done
//
//                     restore begins                  it has ended
//     (as it was) ──────────────────► half restored ───────────────► as at the sync point; who was a member
//                                      no operation, no save          joins anew before he goes on
//
// Lock order: gate_, quiet_, mutex_.
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "lib/sync/program.hh"
#include "utils/pmemckpt-filed/before_images.hh"
#include "utils/pmemckpt-filed/members.hh"
#include "utils/pmemckpt-filed/open_files.hh"
#include "utils/pmemckpt-filed/reserve.hh"
#include "utils/pmemckpt-filed/served_directory.hh"
#include "utils/pmemckpt-filed/trash.hh"
#include "utils/pmemckpt-filed/undo_log.hh"
#include "utils/pmemckpt-filed/unflushed.hh"

namespace pmemckpt::filed {

struct Moved {
    std::size_t bytes = 0;
    std::uint64_t position = 0;  ///< after it
};

/// Threads: all calls may come from any thread, those of one session from one at a time.
class Files {
public:
    /// What was changed since the last sync point and not brought back is known from the undo log. ENOENT,
    /// ENOSYS, EBADMSG; EBUSY; as ServedDirectory::open().
    static Result<std::unique_ptr<Files>> open(const std::string& directory);

    /// Whether all is there that these sync points need, which are held: EBADMSG. `is_new`: the participant
    /// is, and holds none, and neither may anything be here of another one's.
    Status check_can_go_back(const std::vector<sync::SyncPointId>& held, bool is_new) const;

    /// EMFILE beyond kMostMembers. Who was one joins again in his own place. What `may` gives is asked when
    /// nobody else can join any more.
    Result<Member> join(
        std::uint64_t session, const std::optional<Member>& before = {},
        const std::function<Status()>& may = [] { return Status(); });
    void leave(const Member& member) { members_.leave(member); }
    /// Who has it may call what follows; save and restore wait for it. What must be so for an operation is
    /// looked at while one has it. As Members::check().
    Result<std::shared_lock<std::shared_mutex>> work(const Member& member);

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

    /// Its sync points: save() brings all files to disk that were changed since the one before. EIO when
    /// that has failed, from then on: what was written is lost, and a rollback brings the rest back.
    sync::Program program();
    /// Nobody goes back beyond this one any more: what only that would need is removed.
    Status forget_before(const sync::SyncPointId& oldest);

private:
    Files(ServedDirectory directory, Trash trash, UndoLog undo)
        : directory_(std::move(directory)),
          trash_(std::move(trash)),
          reserve_(directory_.own()),
          undo_(std::move(undo)) {}
    void take_reserve();
    std::unique_lock<std::shared_mutex> rest();
    Result<std::shared_ptr<OpenFile>> find(std::uint64_t session, std::uint32_t handle, std::uint32_t flag);
    Result<std::uint32_t> open_there(std::uint64_t session, const std::string& path, std::uint32_t flags,
                                     std::uint32_t mode);
    Status keep_behind(const OpenFile& file, std::uint64_t size);

    // Under mutex_.
    Result<FileDescriptor> open_or_make(const std::string& path, std::uint32_t flags, std::uint32_t mode);
    Result<FileDescriptor> make(const std::string& path, int flags, std::uint32_t mode);
    Status check_is_closed(const std::string& path, const ServedDirectory::Found& found) const;
    Status move_over(const std::string& from, const std::string& to, OpenFiles::NewPaths paths);
    Status note_flush(Status flushed);
    Status save(const sync::SyncPointId& id, const sync::Sink& sink);
    Result<std::vector<SavedFile>> saved_files() const;
    Status restore(const sync::SyncPointId& id, const sync::Source& source);
    Status bring_back(const sync::SyncPointId& id, const std::vector<SavedFile>& saved);
    Status reopen(const SavedFile& saved);

    ServedDirectory directory_;
    Trash trash_;
    Reserve reserve_;
    std::mutex gate_;  // who waits for all operations to end has it: no new one begins
    std::shared_mutex quiet_;
    Members members_;

    std::mutex mutex_;  // guards all below
    UndoLog undo_;
    BeforeImages images_;
    OpenFiles open_files_;
    Unflushed unflushed_;
    std::optional<Error> flush_failed_;  // what was written is not on disk, and never will be
};

}  // namespace pmemckpt::filed
