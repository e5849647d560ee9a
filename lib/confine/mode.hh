#pragma once
// How far a program confines itself, once it has opened what it needs.
#include <cstdint>
#include <string_view>

#include "lib/base/result.hh"

namespace pmemckpt::confine {

enum class Mode : std::uint8_t {
    off,  ///< not at all
    on,
    log,  ///< as far, but system calls that would be refused are let through, and named in a message
};

/// "off", "on", "log". EINVAL.
Result<Mode> parse_mode(std::string_view text);
const char* to_string(Mode mode);

}  // namespace pmemckpt::confine
