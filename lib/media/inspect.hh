#pragma once
// A medium to be looked at while nobody serves it.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lib/base/result.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::media {

/// Maps an existing medium for reading only: persist and blank give EROFS, and a store ends the process.
/// Holds a shared lock, so that no manager changes it meanwhile; several may look at once. EBUSY when a
/// manager has it; ENOENT; ENODATA when it is empty.
Result<std::unique_ptr<Medium>> inspect_medium(const std::string& path);

/// EBADMSG when the disk can't give these bytes of a mapping, which start at byte `at` of the medium: a bad
/// block, or a file that was cut short meanwhile. Touching them would end the process.
Status check_readable(std::span<const std::byte> bytes, std::uint64_t at);

}  // namespace pmemckpt::media
