#pragma once
// A medium to be looked at while nobody serves it.
#include <memory>
#include <string>

#include "lib/base/result.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::media {

/// Maps an existing medium for reading only: persist and blank give EROFS, and a store ends the process.
/// Holds a shared lock, so that no manager changes it meanwhile; several may look at once. EBUSY when a
/// manager has it; ENOENT; ENODATA when it is empty.
Result<std::unique_ptr<Medium>> inspect_medium(const std::string& path);

}  // namespace pmemckpt::media
