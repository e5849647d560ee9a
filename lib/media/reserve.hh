#pragma once
// Space for a store over what is there.
#include <cstddef>
#include <span>

#include "lib/media/medium.hh"

namespace pmemckpt::media {

/// A store of these bytes there can't fail for want of disk space from here on. Nothing on the medium
/// changes: only blocks that read as zeros are blanked. ENOSPC.
Status reserve(Medium& medium, Offset at, std::span<const std::byte> bytes);

}  // namespace pmemckpt::media
