#pragma once
// A file or a device in this process's memory, by libpmem2.
#include <libpmem2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"
#include "lib/base/units.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::media {

inline void delete_map(pmem2_map* map) {
    pmem2_map_delete(&map);
}
using Map = std::unique_ptr<pmem2_map, Closer<delete_map>>;

struct Mapping {
    Map map;
    std::span<std::byte> bytes;
    pmem2_granularity granularity = PMEM2_GRANULARITY_PAGE;  ///< what a store needs to be persistent
    std::uint64_t alignment = 1;  ///< that offsets mapped elsewhere must have, bytes
};

/// All of it, shared, in one piece; a device's start is aligned as the device is.
Result<Mapping> map_whole(const FileDescriptor& file, Use use, const std::string& path);

/// What the kernel knows to be bad: sorted, within [0, size). A system that does not tell is asked for
/// nothing more, which is said in the log.
std::vector<Extent> known_bad_blocks(const FileDescriptor& file, Length size, const std::string& path);

}  // namespace pmemckpt::media
