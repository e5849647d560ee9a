#pragma once
// The generations of a pool that a manager serves.
#include <memory>

#include "fuse/source.hh"
#include "lib/client/client.hh"

namespace pmemckpt::view {

/// Connects. Afterwards it finds the manager again by itself when it was away.
Result<std::unique_ptr<Source>> open_remote_source(const client::Options& options);

}  // namespace pmemckpt::view
