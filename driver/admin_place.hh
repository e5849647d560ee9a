#pragma once
// Where the admin socket is when nobody has named a place.
#include <string>

#include "driver/admin_peers.hh"

namespace pmemckpt::driver {

/// /run/pmemckpt/admin.sock for root, and who may write there; else $XDG_RUNTIME_DIR/pmemckpt/admin.sock, its
/// directory made, and given to those who are to reach the socket; empty when there is no place for one.
Result<std::string> make_admin_place(const AdminPeers& peers);

}  // namespace pmemckpt::driver
