#pragma once
// A plain file as a medium: mapped shared, made persistent by msync, its space given by fallocate.
#include <libpmem2.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "lib/base/handle.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::media {

inline void delete_map(pmem2_map* map) {
    pmem2_map_delete(&map);
}
using Map = std::unique_ptr<pmem2_map, Closer<delete_map>>;

/// libpmem2 maps; its persist is not used, since at page granularity it calls abort() when msync fails.
class FileMedium final : public Medium {
public:
    /// Takes the descriptor over, and the lock that it may hold.
    static Result<std::unique_ptr<Medium>> map(FileDescriptor file, std::string path, Use use);

    std::span<std::byte> bytes() override { return bytes_; }
    Status persist(Extent extent) override;
    Status blank(Extent extent) override;
    Durability durability() const override { return Durability::page; }
    const std::string& path() const override { return path_; }

private:
    FileMedium(FileDescriptor file, std::string path, Use use, Map map, std::span<std::byte> bytes);
    Status check(Extent extent, const char* what) const;
    Status sync_piece(Extent piece);

    FileDescriptor file_;
    std::string path_;
    Use use_;
    Map map_;
    std::span<std::byte> bytes_;

    // The kernel reports a failed write-back once to an open file, to whichever call comes next, whatever
    // range that is for. So calls go one at a time, and after the first failure none is believed any more.
    std::mutex syncing_;
    std::optional<int> failure_;  ///< errno; guarded by syncing_
};

/// Exclusive lock of the whole file, on the open file description. EBUSY when another has one of either kind.
Status lock_file(const FileDescriptor& file, const std::string& path);
/// Shared lock of the whole file, for which it need not be open for writing. EBUSY when another has it
/// exclusively.
Status lock_file_shared(const FileDescriptor& file, const std::string& path);
/// EINVAL unless it is a regular file. Returns its size in bytes.
Result<std::uint64_t> regular_file_size(const FileDescriptor& file, const std::string& path);

/// [at, at + size) of the file reads as zeros and has its space on the disk.
Status blank_file(const FileDescriptor& file, Extent extent, const std::string& path);

}  // namespace pmemckpt::media
