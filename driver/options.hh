#pragma once
// pmemckptd's command line: pmemckptd.8, OPTIONS.
#include <optional>
#include <string>

#include "driver/config.hh"

namespace pmemckpt::driver {

struct Started {
    std::optional<Config> config;  ///< none when there is nothing to run: --help, --version
    std::string text;              ///< what these print
};

/// The defaults, under the --config file's settings, under the options. EINVAL; what reading the file can
/// give.
Result<Started> parse_options(int argc, const char* const* argv);

}  // namespace pmemckpt::driver
