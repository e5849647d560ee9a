#pragma once
// A generation is read while what came before of it is written.
#include <string>

#include "lib/base/result.hh"
#include "lib/client/client.hh"
#include "utils/pmemckpt-ctl/output.hh"

namespace pmemckpt::ctl {

/// All of it; commits a file when its bytes are those that were sealed. EBADMSG otherwise.
Status receive_verified(client::Reader& reader, const std::string& region, Output& output);

}  // namespace pmemckpt::ctl
