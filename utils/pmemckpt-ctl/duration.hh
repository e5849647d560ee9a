#pragma once
// How long: "30s", "10m", "12h", "7d".
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hh"

namespace pmemckpt::ctl {

/// Nanoseconds of a whole number with s, m, h or d behind it; "0" is none at all. EINVAL; ERANGE beyond
/// 2^63-1.
Result<std::int64_t> parse_duration(std::string_view text);
/// 0 for an empty text.
Result<std::int64_t> duration_or_zero(const std::string& text);
/// In the largest unit that it is a whole number of; "-" for 0.
std::string format_duration(std::int64_t nanoseconds);

}  // namespace pmemckpt::ctl
