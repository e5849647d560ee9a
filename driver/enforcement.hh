#pragma once
// What becomes of windows when rights are withdrawn, in the pool or in the configuration.
#include <cstddef>

#include "driver/services.hh"

namespace pmemckpt::driver {

/// After rights were withdrawn: kills each window whose principal has no right to it any more, and ends the
/// logs of such appenders; waits for the requests that may have looked at the rights before, a seal of many
/// gigabytes among them, and for what they did kills again. Returns how many windows they were. On return
/// nothing is done by those rights any more, and nothing in flight lands through the windows. Takes regions'
/// locks. Not within a request that runs: see Requests::enforce.
std::size_t enforce_rights(Services& services);

}  // namespace pmemckpt::driver
