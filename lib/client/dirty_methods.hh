#pragma once
// The methods of a DirtyTracker, each in a file of its own. ENOTSUP when this system has it not.
#include "lib/client/dirty_tracker.hh"

namespace pmemckpt::client {

Result<std::unique_ptr<DirtyTracker>> track_by_write_protect(std::span<const std::byte> memory);
Result<std::unique_ptr<DirtyTracker>> track_by_soft_dirty(std::span<const std::byte> memory);
Result<std::unique_ptr<DirtyTracker>> track_by_checksums(std::span<const std::byte> memory);

}  // namespace pmemckpt::client
