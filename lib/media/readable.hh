#pragma once
// Looks at mapped bytes that may not be there: a bad block, or a file that was cut short meanwhile. They are
// errors of these calls, and would end the process anywhere else.
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/result.hh"

namespace pmemckpt::media {

/// EBADMSG when these bytes of a medium's mapping, which start at byte `at` of the medium, can't be read.
/// Each line of them is loaded.
Status check_readable(std::span<const std::byte> bytes, std::uint64_t at);

/// Their CRC-32C, after what came before; EBADMSG as above.
Result<std::uint32_t> checksum(std::span<const std::byte> bytes, std::uint64_t at, std::uint32_t before);

}  // namespace pmemckpt::media
