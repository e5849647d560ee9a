#pragma once
// What the system says of a device-dax character device (/dev/dax0.0), by sysfs.
#include <sys/types.h>

#include <string>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::media {

/// Where persistence begins, of a region of NVDIMMs.
enum class PersistenceDomain {
    unknown,            ///< the platform does not say: what has left the caches may still be lost
    memory_controller,  ///< what has left the caches is safe (ADR)
    cpu_cache,          ///< what is in the caches is safe (eADR)
};
const char* to_string(PersistenceDomain domain);

struct DaxDevice {
    std::string sysfs;   ///< its folder there
    std::string region;  ///< that of the region it is in
    PersistenceDomain domain = PersistenceDomain::unknown;
};

/// EINVAL when it is a device of another kind; ENXIO when its memory is of no NVDIMM, and so is lost when the
/// power goes.
Result<DaxDevice> find_dax_device(dev_t device, const std::string& path);

/// EBUSY. By the device, whichever node names it, where this process may see the name that is locked for
/// that; by the node in any case.
Result<FileDescriptor> lock_dax_device(const FileDescriptor& node, const DaxDevice& device, bool exclusive,
                                       const std::string& path);

/// EACCES where the platform does not say what is safe when the power goes, and the deep flush that makes up
/// for it can't be ordered: libpmem2 would leave it out and report success.
Status check_deep_flush(const DaxDevice& device, const std::string& path);

/// The region's bad blocks as the kernel lists them at this moment: a text that changes when one is found.
std::string bad_block_list(const DaxDevice& device);

/// The command that makes a device that a pool can lie on, of room that no namespace has: it takes nothing
/// away.
inline constexpr const char* kMakeDevice = "ndctl create-namespace -m devdax";

}  // namespace pmemckpt::media
