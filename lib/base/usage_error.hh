#pragma once
// Wrong options and arguments.
#include <string>

#include "lib/base/result.hh"

namespace pmemckpt {

/// EINVAL, in one line, whatever lines the parser's message has; it says where the right ones are.
Error usage_error(const std::string& program, std::string message);

}  // namespace pmemckpt
