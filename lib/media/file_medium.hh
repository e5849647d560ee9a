#pragma once
// A plain file as a medium: mapped shared, its space given by fallocate. Made persistent by msync; on a file
// system that gives memory itself (-o dax) by the processor.
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "lib/base/handle.hh"
#include "lib/media/mapped_medium.hh"

namespace pmemckpt::media {

/// libpmem2 maps; at page granularity its persist is not used, since there it calls abort() when msync fails.
class FileMedium final : public MappedMedium {
public:
    /// Takes the descriptor over, and the lock that it may hold.
    static Result<std::unique_ptr<Medium>> map(FileDescriptor file, std::string path, Use use);

    Status persist(Extent extent) override;
    Status blank(Extent extent) override;
    Status check_present(std::span<const Extent> extents) const override;
    Durability durability() const override { return is_dax_ ? Durability::gpspm : Durability::page; }
    bool stores_are_durable() const override { return is_dax_ && granularity() == PMEM2_GRANULARITY_BYTE; }

private:
    FileMedium(FileDescriptor file, std::string path, Use use, Mapping mapping, bool is_dax);
    Status sync_piece(Extent piece);

    const bool is_dax_;

    // The kernel reports a failed write-back once to an open file, to whichever call comes next, whatever
    // range that is for. So calls go one at a time, and after the first failure none is believed any more.
    std::mutex syncing_;
    std::optional<int> failure_;  ///< errno; guarded by syncing_
};

/// EINVAL unless it is a regular file. Returns its size in bytes.
Result<std::uint64_t> regular_file_size(const FileDescriptor& file, const std::string& path);

/// [at, at + size) of the file reads as zeros and has its space on the disk.
Status blank_file(const FileDescriptor& file, Extent extent, const std::string& path);

}  // namespace pmemckpt::media
