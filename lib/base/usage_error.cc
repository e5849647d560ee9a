#include "lib/base/usage_error.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt {

Error usage_error(const std::string& program, std::string message) {
    std::ranges::replace(message, '\n', ' ');
    message.erase(message.find_last_not_of(' ') + 1);
    return {EINVAL, fmt::format("{} (see {} --help)", message, program)};
}

}  // namespace pmemckpt
