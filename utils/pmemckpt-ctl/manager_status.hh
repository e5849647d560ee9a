#pragma once
// What a manager says about itself: by its admin socket, or else by a session.
#include "lib/base/result.hh"
#include "utils/pmemckpt-ctl/commands.hh"

namespace pmemckpt::ctl {

Status list_pools(const Common& common);
/// Only the admin socket tells.
Status list_sessions(const Common& common);

}  // namespace pmemckpt::ctl
