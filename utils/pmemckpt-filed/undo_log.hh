#pragma once
// What must be put back when the served directory is rolled back: before-images and changes of names, since
// each sync point that is held. One file for each: SEQUENCE-NUMBER-TAG.undo has what was changed since that
// sync point was saved, until the next one was. Sequences rise; numbers may come twice, where one was saved
// and never held.
//
// Orders: a change is in the log and on disk before it is made. Undoing goes from the newest change back, and
// the log is cut behind what is left; a change of names is undone with the log's end just behind it and on
// disk, and cut off after it. So what is undone again, after a crash, is one change of names at the most, and
// bytes, of which it does no harm. Specified in pmemckpt-filed(8), THE UNDO LOG.
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"
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

/// Threads: one at a time.
class UndoLog {
public:
    /// In `folder`, which is its own. EBADMSG.
    static Result<UndoLog> open(FileDescriptor folder);

    /// There is a sync point to go back to: changes are to be added.
    bool is_on() const { return !files_.empty(); }
    /// From now on changes are those since this sync point. Its file is on disk on return.
    Status begin(const sync::SyncPointId& id);
    /// In the log, and not on disk yet.
    Status add(const Change& change, std::span<const std::byte> raw = {});
    /// All that was added is on disk.
    Status flush();
    /// The last one that was added was not made.
    Status withdraw();
    /// Nothing before this one is gone back to any more; returns what was in the trash for it.
    Result<std::vector<std::string>> forget_before(const sync::SyncPointId& id);

    using Undo = std::function<Status(const Change&, std::span<const std::byte> raw)>;
    /// Undoes all since this sync point, the newest first, and what was on disk is so again when `flushed`
    /// was called. ENOENT when it has no file. A second one goes on where the first was cut.
    Status undo_since(const sync::SyncPointId& id, const Undo& undo, const std::function<Status()>& flushed);

private:
    struct File {
        sync::SyncPointId id;
        FileDescriptor file;
        std::string name;
        std::uint64_t end = 0, before_last = 0;
    };
    struct Entry {
        Change change;
        std::vector<std::byte> raw;
        std::uint64_t at = 0;
    };
    explicit UndoLog(FileDescriptor folder) : folder_(std::move(folder)) {}
    using Files = std::map<std::uint64_t, File>;
    Files::iterator find(const sync::SyncPointId& id);
    Result<File> open_file(const std::string& name, int flags) const;
    Status undo_file(File& file, const Undo& undo, const std::function<Status()>& flushed);
    static Result<std::vector<std::uint64_t>> entries_of(File& file);
    static Result<Entry> read_entry(const File& file, std::uint64_t at);
    Status remove_file(const std::string& name) const;
    static Status cut(File& file, std::uint64_t end, bool durably);

    FileDescriptor folder_;
    Files files_;  // by their sequences
};

}  // namespace pmemckpt::filed
