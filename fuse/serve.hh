#pragma once
// The whole life of a mount.
#include <string>

#include "fuse/background.hh"
#include "fuse/options.hh"
#include "lib/base/result.hh"

namespace pmemckpt::view {

/// Connects, mounts on `point`, announces, serves; returns when it is unmounted. Nothing is left mounted on
/// error.
Status serve(const MountOptions& options, const std::string& point, const Announce& announce);

}  // namespace pmemckpt::view
