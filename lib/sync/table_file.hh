#pragma once
// A snapshot in a file, twice, so that one copy is whole whatever happens to the other: pmemckpt-sync.7,
// CHECKPOINT FILE.
//
//     0        first copy      64 KiB
//     64 KiB   second copy     64 KiB
//     128 KiB  free for states
//
// A commit writes the first copy to the disk, then the second (O_DSYNC, so that it does not wait for what is
// written of states meanwhile). So the newer of the two that verify is
// what the last finished commit said, or the one that was not finished; and one that is damaged later loses
// nothing.
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/handle.hh"
#include "lib/sync/checkpoint_file.hh"

namespace pmemckpt::sync {

class TableFile {
public:
    static constexpr std::uint64_t kBytes = 128 * kKiB;

    /// Whether it may be a new one: not where there are states already.
    enum class Beginning { allowed, refused };
    /// Made, mode 0600, and on disk when it was not there. As open_one_file().
    static Result<TableFile> open(const std::string& path, Beginning beginning = Beginning::allowed);

    const Snapshot& snapshot() const { return snapshot_; }
    /// EMSGSIZE when it does not fit, and nothing has changed; otherwise, after an error, it is not known
    /// what is there.
    Status commit(Snapshot next);
    int descriptor() const { return file_.get(); }
    const std::string& path() const { return path_; }

private:
    TableFile(FileDescriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
    Status load(Beginning beginning);

    FileDescriptor file_;
    std::string path_;
    FileDescriptor synchronous_;  // the same file; what is written by it is on disk on return
    std::uint64_t sequence_ = 0;
    Snapshot snapshot_;
};

}  // namespace pmemckpt::sync
