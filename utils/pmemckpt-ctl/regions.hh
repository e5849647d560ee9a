#pragma once
// Regions are made by two commands: create-region, and save --create.
#include "utils/pmemckpt-ctl/commands.hh"

namespace pmemckpt::ctl {

/// EEXIST when it is there and `exclusive`.
Result<wire::Region> make_region(client::Client& client, const CreateRegion& request, bool exclusive);

}  // namespace pmemckpt::ctl
