#pragma once
// The file of the admin socket: made, or taken over from a manager that died.
#include <string>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::driver {

/// A listening, non-blocking Unix socket at `path`, mode 0600. EADDRINUSE, EEXIST, ENAMETOOLONG.
Result<FileDescriptor> listen_at(const std::string& path);

}  // namespace pmemckpt::driver
