#pragma once
// What becomes of windows when rights are withdrawn, in the pool or in the configuration.
#include <cstddef>

#include "driver/services.hh"

namespace pmemckpt::driver {

/// Kills each window whose principal has no right to it any more, and ends the logs of such appenders;
/// returns how many windows they were. On return nothing in flight lands through them, and none is granted
/// any more: who grants one looks at the rights again, once it stands in the tables. Takes regions' locks.
std::size_t enforce_rights(Services& services);

}  // namespace pmemckpt::driver
