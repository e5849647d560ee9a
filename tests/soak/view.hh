#pragma once
// The reader of a mount: view.cc.
#include "tests/soak/orders.hh"
#include "tests/soak/settings.hh"

namespace soak {

/// Ends with the supervisor.
void run_view(const Settings& settings, Orders& orders);

}  // namespace soak
