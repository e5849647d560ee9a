#pragma once
// The directory with the keys, which is read at each handshake: by who the manager is by then.
#include <string>

#include "lib/base/result.hh"

namespace pmemckpt::driver {

/// EACCES when nothing can be read there. Principals whose key alone can't be read are named in a warning:
/// they could not prove who they are.
Status check_key_directory(const std::string& directory);

}  // namespace pmemckpt::driver
