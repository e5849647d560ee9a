#pragma once
// What a folder holds.
#include <string>
#include <vector>

#include "lib/base/result.hh"

namespace pmemckpt::filed {

/// All of it, but for . and .., in no order.
Result<std::vector<std::string>> names_in(int folder);

}  // namespace pmemckpt::filed
