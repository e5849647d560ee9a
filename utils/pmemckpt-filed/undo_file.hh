#pragma once
// One file of the undo log: what was changed between two sync points, in the order in which it was.
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
// What does not verify at the end of a file was cut off by a crash: no change was made after it. Of what was
// added since the last flush any part may be missing. What does not verify, and has an entry behind it that
// says that it was on disk, is damage.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"
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

/// What to do when something of the log is missing, for sentences.
inline constexpr const char* kWaysOut =
    "bring it back from a copy, or give up the job's sync points, see pmemckpt-filed(8), When something "
    "fails";

/// Threads: one at a time.
class UndoFile {
public:
    struct Entry {
        Change change;
        std::vector<std::byte> raw;
        std::uint64_t at = 0, end = 0, durable_end = 0;
    };

    /// In a folder with this path.
    UndoFile(const sync::SyncPointId& id, std::string name, const std::string& path)
        : id_(id), name_(std::move(name)), path_(path + "/" + name_) {}

    /// A new one, which is open. It is on disk on return, but not its name.
    Status make(int folder, std::uint64_t bytes_before);
    /// What is in it; what a crash has cut off at its end is gone. EBADMSG. One whose begin was cut has no
    /// head, and is not changed.
    Status load(int folder);
    bool has_head() const { return end_ != 0; }

    // While it is open:

    Status open(int folder);
    bool is_open() const { return static_cast<bool>(opened_); }
    void close() { opened_.reset(); }
    /// Not yet on disk. When it fails, drop_rest() must follow.
    Status add(const Change& change, std::span<const std::byte> raw, int shared_with);
    /// What is behind its end is no part of it.
    Status drop_rest();
    Status flush();
    /// On disk on return; after an error all the same in it.
    Status cut(std::uint64_t end);
    Status cut_to_head();
    /// What was added since the last flush: of changes that were not made.
    Status cut_to_durable() { return cut(durable_end_); }
    Result<Entry> read(std::uint64_t at) const { return read_entry(opened_.get(), at); }

    const sync::SyncPointId& id() const { return id_; }
    const std::string& name() const { return name_; }
    const std::string& path() const { return path_; }
    std::uint64_t end() const { return end_; }
    /// Of the file before it, when this one began.
    std::uint64_t bytes_before() const { return bytes_before_; }
    /// Where its entries begin.
    const std::vector<std::uint64_t>& entries() const { return entries_; }
    /// What they have removed.
    const std::vector<std::string>& trash() const { return trash_; }

private:
    Result<FileDescriptor> open_with(int folder, int flags) const;
    Status read_head(int opened);
    void note(const Change& change, std::uint64_t end);
    bool share(std::uint64_t at, const Change& change, std::span<const std::byte> raw, int with) const;
    Result<Entry> read_entry(int opened, std::uint64_t at) const;
    Result<std::optional<Entry>> find_entry(int opened, std::uint64_t from, std::uint64_t size) const;
    Status check_is_torn(int opened, std::uint64_t size) const;

    sync::SyncPointId id_;
    std::string name_, path_;  // the path is for people
    FileDescriptor opened_;
    Uuid salt_{};
    std::uint64_t bytes_before_ = 0, end_ = 0, durable_end_ = 0;
    std::vector<std::uint64_t> entries_;
    std::vector<std::string> trash_;
};

}  // namespace pmemckpt::filed
