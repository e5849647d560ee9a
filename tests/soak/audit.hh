#pragma once
// Reads all that a pool holds while nobody writes to it: audit.cc.
#include "tests/soak/settings.hh"

namespace soak {

/// With mount=...: once more, through the mount. With wipe=1: destroys all regions, and waits for their
/// pages.
void run_audit(const Settings& settings);

}  // namespace soak
