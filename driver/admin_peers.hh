#pragma once
// Who is heard at the admin socket: root, the manager's own user, and the members of one group.
#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "driver/config.hh"
#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::driver {

struct AdminPeers {
    std::optional<uid_t> owner;  ///< of the socket's file, where it is to be another one than this process
    std::optional<gid_t> group;  ///< whose members are heard, too
};

/// By the configuration's user and admin_group. ENOENT.
Result<AdminPeers> find_admin_peers(const Config& config);

/// Gives a file to them: mode `own`, or with a group `shared`. EPERM with what to do.
Status give_to(const AdminPeers& peers, const std::string& path, mode_t own, mode_t shared);

/// Of the process that connected this socket. EACCES.
Status check_peer(const FileDescriptor& socket, const AdminPeers& peers);
/// Of the process that has sent these bytes, which may be another one: a descriptor can be passed on. EACCES.
Status check_sender(const FileDescriptor& socket, const ucred& sender);

}  // namespace pmemckpt::driver
