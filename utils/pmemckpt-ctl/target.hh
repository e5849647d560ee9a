#pragma once
// REGION[@N] as people write it.
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hh"

namespace pmemckpt::ctl {

struct Target {
    std::string region;
    std::uint64_t number = 0;  ///< 0: the newest
};

/// What follows the last '@' is a generation's number when it has only digits, or the word "newest";
/// otherwise the whole text is a region's name. EINVAL with what is wrong.
Result<Target> parse_target(std::string_view text);

/// The same where the number can't be left out.
Result<Target> parse_generation(std::string_view text);

}  // namespace pmemckpt::ctl
