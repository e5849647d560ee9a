#pragma once
// A namespace of persistent memory as a medium: the whole device-dax device, made persistent by the
// processor.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/handle.hh"
#include "lib/media/dax_device.hh"
#include "lib/media/mapped_medium.hh"

namespace pmemckpt::media {

class DevdaxMedium final : public MappedMedium {
public:
    /// Takes over the descriptor and, with `lock`, what holds its lock besides.
    static Result<std::unique_ptr<Medium>> map(FileDescriptor file, FileDescriptor lock, DaxDevice device,
                                               std::string path, Use use);

    /// The caches are flushed where that is needed. What then lies in the memory controller is safe by the
    /// platform's word (ADR), so nothing more is done; where it gives none, a deep flush brings it to the
    /// media, each time.
    Status persist(Extent extent) override;
    /// There is nothing to allocate: only the zeros.
    Status blank(Extent extent) override;
    /// Whoever has stored: this processor flushes before the manager answers.
    Durability durability() const override { return Durability::gpspm; }
    bool stores_are_durable() const override {
        return granularity() == PMEM2_GRANULARITY_BYTE && device_.domain == PersistenceDomain::cpu_cache;
    }
    bool flush_is_enough() const override { return device_.domain != PersistenceDomain::unknown; }
    /// Also of bad blocks that were found since.
    Status check_present(std::span<const Extent> extents) const override;
    Status check_can_persist() const override { return check_deep_flush(device_, path()); }
    std::uint64_t alignment() const override { return mapping().alignment; }

private:
    DevdaxMedium(FileDescriptor file, FileDescriptor lock, DaxDevice device, std::string path, Use use,
                 Mapping mapping);

    FileDescriptor lock_;
    const DaxDevice device_;

    mutable std::mutex looking_;
    mutable std::string list_;           ///< guarded by looking_
    mutable std::vector<Extent> known_;  ///< what the list says; guarded by looking_
};

}  // namespace pmemckpt::media
