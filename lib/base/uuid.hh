#pragma once
// UUIDs: RFC 9562.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hh"

namespace pmemckpt {

using Uuid = std::array<std::uint8_t, 16>;

/// Version 4.
Uuid random_uuid();
/// 8-4-4-4-12 hexadecimal digits. EINVAL.
Result<Uuid> parse_uuid(std::string_view text);
std::string to_string(const Uuid& uuid);

}  // namespace pmemckpt
