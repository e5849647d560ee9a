#pragma once
// mount.pmemckpt's confinement: what is mounted is served by who can do nothing else. mount.pmemckpt.8,
// SECURITY.
#include <string_view>

#include "lib/base/result.hh"
#include "lib/confine/filter.hh"

namespace pmemckpt::view {

/// When it is mounted: of all threads, for good. Who unmounts is an Unmounter then. `filter` is of
/// calls_of_mount().
Status confine_mount(confine::Mode mode, std::string_view transport, const confine::Filter& filter);

}  // namespace pmemckpt::view
