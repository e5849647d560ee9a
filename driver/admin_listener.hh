#pragma once
// The file of the admin socket: made, or taken over from a manager that died.
#include <string>

#include "driver/admin_peers.hh"
#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::driver {

/// A listening, non-blocking Unix socket at `path`, mode 0600, or for a group 0660; each message comes with
/// the credentials of who sent it. EADDRINUSE, EEXIST, ENAMETOOLONG; EPERM when it can't be given to the
/// group.
Result<FileDescriptor> listen_at(const std::string& path, const AdminPeers& peers);

}  // namespace pmemckpt::driver
