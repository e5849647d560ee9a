#pragma once
// Commands that read a pool's medium itself, with no manager: for when one can't be had, or should not be.
#include <string>

#include "lib/base/result.hh"
#include "utils/pmemckpt-ctl/commands.hh"

namespace pmemckpt::ctl {

/// Prints what was looked at and each finding. EUCLEAN when there is one; EBUSY when a manager has the pool.
Status check_pool(const Common& common, const std::string& path);

}  // namespace pmemckpt::ctl
