#pragma once
// Commands that look at media themselves, with no manager: for when one can't be had, or should not be.
#include <string>

#include "lib/base/result.hh"
#include "utils/pmemckpt-ctl/commands.hh"

namespace pmemckpt::ctl {

struct Check {
    std::string path;
    bool repair = false;
    bool older_state = false;  ///< with repair: go back, when the newest can't be had
    std::string copy;          ///< with repair: where the metadata is kept as it was; empty: beside the pool
    std::string restore_copy;  ///< put this one back, instead of all else
    bool force = false;        ///< with restore_copy: also when the pool was changed since
};
/// Prints what was looked at and each finding, or what was repaired. EUCLEAN when there is a finding, or one
/// is left; EBUSY when a manager has the pool.
Status check_pool(const Common& common, const Check& request);

struct Salvage {
    std::string path;  ///< the pool's
    std::string to;    ///< a folder
};
/// Prints what was written and what was not. EBADMSG when something was left out, or the newest state can't
/// be had; EBUSY when a manager has the pool.
Status salvage(const Common& common, const Salvage& request);

struct RekeyPool {
    std::string path;  ///< the pool's
};
/// Prints where the new manager key is. EBUSY when a manager has the pool, ENOENT without its key.
Status rekey_pool(const Common& common, const RekeyPool& request);

/// Prints what persistent memory this host has, and how a devdax device is made when there is none.
Status list_devices(const Common& common);

}  // namespace pmemckpt::ctl
