#include "lib/confine/mode.hh"

#include <cerrno>

namespace pmemckpt::confine {

Result<Mode> parse_mode(std::string_view text) {
    for (const auto mode : {Mode::off, Mode::on, Mode::log})
        if (text == to_string(mode))
            return mode;
    return fail(EINVAL, "\"{}\" is no confinement: on, off or log", text);
}

const char* to_string(Mode mode) {
    switch (mode) {
        case Mode::off: return "off";
        case Mode::on: return "on";
        case Mode::log: return "log";
    }
    return "unknown";
}

}  // namespace pmemckpt::confine
