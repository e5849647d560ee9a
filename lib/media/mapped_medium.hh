#pragma once
// What a plain file and a device have in common as media: their mapping, and stores that may fail.
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/handle.hh"
#include "lib/media/mapping.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::media {

class MappedMedium : public Medium {
public:
    std::span<std::byte> bytes() final { return mapping_.bytes; }
    /// Where it can't be stored, the next persist of that place says so.
    void store(Offset at, std::span<const std::byte> bytes) final;
    const std::string& path() const final { return path_; }
    std::vector<Extent> bad_extents() const final { return bad_; }

protected:
    MappedMedium(FileDescriptor file, std::string path, Use use, Mapping mapping);

    /// EROFS; a programmer's error when it does not lie in the medium.
    Status check(Extent extent, const char* what) const;
    /// EIO when a store there went wrong.
    Status check_stored(Extent extent) const;
    /// Persistent by the processor alone: what libpmem2's granularity, which is not PAGE, asks for.
    Status flush(Extent extent);
    Status set_zero(Extent extent);
    Status deep_flush(Extent extent);
    void look_for_bad_blocks();

    const FileDescriptor& file() const { return file_; }
    const Mapping& mapping() const { return mapping_; }
    pmem2_granularity granularity() const { return mapping_.granularity; }
    std::byte* address_of(Extent extent) { return mapping_.bytes.data() + extent.at.bytes; }

private:
    void note_failed_store(Extent extent);

    FileDescriptor file_;
    std::string path_;
    Use use_;
    Mapping mapping_;
    std::vector<Extent> bad_;

    std::atomic<bool> any_failed_ = false;
    mutable std::mutex failing_;
    std::vector<Extent> failed_stores_;  ///< guarded by failing_
};

}  // namespace pmemckpt::media
