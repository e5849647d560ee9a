#pragma once
// pmemckptd's life: a manager, the signals, and what the service manager is told.
#include "lib/base/result.hh"

namespace pmemckpt::driver {

/// Until SIGTERM or SIGINT. The options are read again at SIGHUP.
Status run(int argc, const char* const* argv);

}  // namespace pmemckpt::driver
