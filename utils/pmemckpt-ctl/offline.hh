#pragma once
// Commands that read a pool's medium itself, with no manager: for when one can't be had, or should not be.
#include <string>

#include "lib/base/result.hh"
#include "utils/pmemckpt-ctl/commands.hh"

namespace pmemckpt::ctl {

/// Prints what was looked at and each finding. EUCLEAN when there is one; EBUSY when a manager has the pool.
Status check_pool(const Common& common, const std::string& path);

struct Salvage {
    std::string path;  ///< the pool's
    std::string to;    ///< a folder
};
/// Prints what was written and what was not. EBADMSG when something was left out, or the newest state can't
/// be had; EBUSY when a manager has the pool.
Status salvage(const Common& common, const Salvage& request);

}  // namespace pmemckpt::ctl
