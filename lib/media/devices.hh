#pragma once
// What persistent memory this host has, by libndctl and libdaxctl.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.hh"
#include "lib/media/dax_device.hh"

namespace pmemckpt::media {

struct MemoryDevice {
    std::string region, name;  ///< of a namespace, as ndctl names them; empty for memory that is in none
    std::string mode;          ///< "devdax", "fsdax", "raw", "sector"; "unknown" when the kernel does not say
    std::string path;          ///< in /dev; empty when the kernel has none for it
    std::uint64_t size = 0;    ///< bytes, of the device
    std::uint64_t alignment = 0;  ///< bytes; 0: it has none
    std::optional<int> numa_node;
    PersistenceDomain domain = PersistenceDomain::unknown;
    bool is_persistent = true;     ///< false: memory of no NVDIMM, such as set-aside DRAM
    std::uint64_t bad_blocks = 0;  ///< known ones, of 512 bytes
};

struct MemoryRegion {
    std::string name;
    std::uint64_t size = 0, free = 0;  ///< bytes; free: of the largest namespace that can be made
};

struct MemoryInventory {
    std::vector<MemoryDevice> devices;  ///< namespaces, and devdax devices of no namespace
    std::vector<MemoryRegion> regions;
};

/// Nothing in it when there is no such memory, or the kernel knows of none.
Result<MemoryInventory> list_memory();

struct MakeDevice {
    std::string command;
    std::string loses;  ///< the namespace whose content is lost by it; empty when nothing is
};
/// What makes a devdax device here: of free space, or else of a namespace in another mode. None when there is
/// neither: a namespace that is devdax already may hold a pool, also when its device can't be seen.
std::optional<MakeDevice> command_to_make_device(const MemoryInventory& inventory);

}  // namespace pmemckpt::media
