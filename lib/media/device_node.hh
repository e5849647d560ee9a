#pragma once
// Paths in /dev: what they name is a device, also where the node is not there or can't be opened.
#include <string>

#include "lib/base/result.hh"

namespace pmemckpt::media {

/// By the path alone: "/dev/dax0.0".
bool names_a_device(const std::string& path);

/// Why the device that `path` names can't be opened; `code` is what open(2) said. It knows of devices that
/// the kernel has and a sandbox hides, and never tells to make what may be there.
Error device_error(int code, const std::string& path);

}  // namespace pmemckpt::media
