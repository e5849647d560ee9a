#pragma once
// What must be put back when the served directory is rolled back: before-images and changes of names, since
// each sync point that is held. One file for each: SEQUENCE-NUMBER-TAG.undo has what was changed since that
// sync point was saved, until the next one was. Sequences rise without gaps; numbers may come twice, where
// one was saved and never held.
//
//     file:    16 random bytes, the length of the file before, their digest behind the file's name; entries
//     entry:   magic, bytes of the change, of a gap, raw bytes, what of the file was on disk already, digest
//              (network byte order); the change, encoded; the gap; the raw bytes
//
// Where the file system can, the raw bytes share their blocks with the file they were read from, and begin at
// a block: hence the gap. There is none otherwise.
//
// A digest is that of the rest of the header, the change and the raw bytes behind the file's name, its random
// bytes and the entry's place: what lay there before, or was copied or made up by a client, is no entry.
//
// Orders: a change is in the log and on disk before it is made; what is in the log and was not made is undone
// all the same, which changes nothing. Undoing goes from the newest change back, and the log is cut behind
// what is left; a change of names is undone when all before it is on disk, and cut off after it. So what is
// undone again, after a crash, is one change of names at the most, and bytes, of which it does no harm.
//
// What does not verify at the end of a file was cut off by a crash: no change was made after it. Of what was
// added since the last flush any part may be missing. What does not verify, and has an entry behind it that
// says that it was on disk, is damage.
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
#include "lib/base/uuid.hh"
#include "lib/sync/sync_point.hh"

namespace pmemckpt::filed {

struct Change {
    enum class Kind : std::uint8_t {
        created = 1,  // path; undone by removing it
        removed = 2,  // path, now at `other` of the trash; undone by moving it back
        renamed = 3,  // from path to other; undone by moving it back
        size = 4,     // of path, before: `size`
        bytes = 5,    // of path at `at`, before: the raw bytes
        zeros = 6,    // the same: `size` zeros
    };
    Kind kind = Kind::bytes;
    std::string path, other;
    std::uint64_t at = 0, size = 0;
    static void fields(auto& s, auto& c) { c(s.kind), c(s.path), c(s.other), c(s.at), c(s.size); }
    bool is_of_names() const { return kind <= Kind::renamed; }
};

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
    struct File {
        sync::SyncPointId id;
        std::string name, path;  // the path is for people
        Uuid salt{};
        std::uint64_t bytes_before = 0;  // of the file before it
        std::uint64_t end = 0, durable_end = 0;
        std::vector<std::uint64_t> entries = {};  // where they begin
        std::vector<std::string> trash = {};      // what they have removed
    };
    using Files = std::map<std::uint64_t, File>;
    struct Entry {
        Change change;
        std::vector<std::byte> raw;
        std::uint64_t at = 0, end = 0, durable_end = 0;
    };
    UndoLog(FileDescriptor folder, std::string path) : folder_(std::move(folder)), path_(std::move(path)) {}
    File new_file(const sync::SyncPointId& id, const std::string& name) const;
    Result<FileDescriptor> open_file(const File& file, int flags) const;
    Status check_lengths() const;
    static Status write_head(int opened, File& file);
    static Status read_head(int opened, File& file);
    Status begin_file(File& file);
    Status remove_unborn();
    Status find_files();
    Status find_entries(File& file) const;
    Status open_newest();
    Files::iterator find(const sync::SyncPointId& id);
    static void note(File& file, const Change& change, std::uint64_t end);
    struct Raw {
        std::span<const std::byte> bytes;
        int shared_with = -1;  // a file that has them
    };
    Status add(const Change& change, const Raw& raw);
    Status append(File& file, const Change& change, const Raw& raw);
    bool share(std::uint64_t at, const Change& change, const Raw& raw) const;
    Status undo_newest(const Undo& undo, const std::function<Status()>& flushed);
    Status cut(std::uint64_t end);
    Status remove_file(const File& file) const;
    Error give_up(const Error& why);

    static Result<Entry> read_entry(int opened, const File& file, std::uint64_t at);
    static Result<std::optional<Entry>> find_entry(int opened, const File& file, std::uint64_t from,
                                                   std::uint64_t size);
    static Status check_is_torn(int opened, const File& file, std::uint64_t size);

    FileDescriptor folder_;
    std::string path_;
    Files files_;                  // by their sequences
    std::optional<File> unborn_;   // whose begin was cut; removed before the next one
    FileDescriptor newest_;        // the last of them
    std::optional<Error> failed_;  // it is not known what is in it, or on disk
};

}  // namespace pmemckpt::filed
