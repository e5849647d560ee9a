#pragma once
// The whole run: worlds side by side, a line now and then, a table at the end.
#include "tests/soak/settings.hh"

namespace soak {

/// The exit status.
int run_worlds(const Settings& settings);

}  // namespace soak
