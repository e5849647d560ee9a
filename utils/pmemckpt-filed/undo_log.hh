#pragma once
// What must be put back when the served directory is rolled back: before-images and changes of names, since
// each sync point that is held. One file for each: SEQUENCE-NUMBER-TAG.undo has what was changed since that
// sync point was saved, until the next one was. Sequences rise without gaps; numbers may come twice, where
// one was saved and never held.
//
// Orders: a change is in the log and on disk before it is made; what is in the log and was not made is undone
// all the same, which changes nothing. Undoing goes from the newest change back, and the log is cut behind
// what is left; a change of names is undone when all before it is on disk, and cut off after it. So what is
// undone again, after a crash, is one change of names at the most, and bytes, of which it does no harm.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"
#include "lib/base/units.hh"
#include "lib/sync/sync_point.hh"
#include "utils/pmemckpt-filed/undo_file.hh"

namespace pmemckpt::filed {

/// So much is undone, and some more, before the log is cut.
inline constexpr std::uint64_t kUndoneAtOnce = 32 * kMiB;
/// Sync points that were saved and not forgotten, at most.
inline constexpr std::size_t kMostUndoFiles = 10'000;

/// Threads: one at a time.
class UndoLog {
public:
    /// In `folder`, which is its own, and has this path. EBADMSG.
    static Result<UndoLog> open(FileDescriptor folder, std::string path);
    /// EBADMSG unless there is a file for this sync point, which is held.
    Status check_has(const sync::SyncPointId& id) const;
    /// EBADMSG unless there is none: who looks holds no sync point, and never did.
    Status check_is_empty() const;

    /// There is a sync point to go back to: changes are to be added.
    bool is_on() const { return !files_.empty(); }
    /// From now on changes are those since this sync point. Its file is on disk on return. ENOSPC, also
    /// beyond kMostUndoFiles.
    Status begin(const sync::SyncPointId& id);
    /// In the log, and not on disk yet. ENOSPC; EIO, from then on, when it is not known what is in it: a
    /// rollback mends that.
    Status add(const Change& change, std::span<const std::byte> raw = {});
    /// The same, of raw bytes that are at `change.at` of this file as well.
    Status add_shared(const Change& change, std::span<const std::byte> raw, int file);
    /// All that was added is on disk.
    Status flush();
    /// Nothing before this one is gone back to any more; nor is what is named needed in the trash.
    Status forget_before(const sync::SyncPointId& id,
                         const std::function<void(const std::string&)>& unneeded);
    /// What it needs of the trash.
    std::set<std::string> needed_trash() const;

    using Undo = std::function<Status(const Change&, std::span<const std::byte> raw)>;
    /// Undoes all since this sync point, the newest first, and what was on disk is so again when `flushed`
    /// was called. ENOENT when it has no file. A second one goes on where the first was cut.
    Status undo_since(const sync::SyncPointId& id, const Undo& undo, const std::function<Status()>& flushed);

private:
    using Files = std::map<std::uint64_t, UndoFile>;
    UndoLog(FileDescriptor folder, std::string path) : folder_(std::move(folder)), path_(std::move(path)) {}
    Status find_files();
    Status check_lengths() const;
    Result<UndoFile*> newest();
    Files::iterator find(const sync::SyncPointId& id);
    Status begin_file(UndoFile& file, std::uint64_t bytes_before);
    Status remove_unborn();
    Status add(const Change& change, std::span<const std::byte> raw, int shared_with);
    Status undo_newest(const Undo& undo, const std::function<Status()>& flushed);
    Status remove_file(const UndoFile& file) const;
    Error give_up(const Error& why);

    FileDescriptor folder_;
    std::string path_;
    Files files_;                     // by their sequences; the last one is open
    std::optional<UndoFile> unborn_;  // whose begin was cut; removed before the next one
    std::optional<Error> failed_;     // it is not known what is in it, or on disk
};

}  // namespace pmemckpt::filed
