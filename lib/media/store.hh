#pragma once
// The one way metadata gets onto a medium: a checked copy. It is persistent only after Medium::persist.
#include <cstddef>
#include <span>

#include "lib/media/medium.hh"

namespace pmemckpt::media {

/// The bytes must fit the medium: where they go has been checked when the pool was opened.
void store(Medium& medium, Offset at, std::span<const std::byte> bytes);

}  // namespace pmemckpt::media
