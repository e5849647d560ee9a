#pragma once
// Users and groups, passwd(5), group(5): found by name, and become.
#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/result.hh"

namespace pmemckpt::confine {

struct Identity {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
};

/// ENOENT.
Result<Identity> find_user(const std::string& name);
/// ENOENT.
Result<gid_t> find_group(const std::string& name);
/// The one that this process is; without a name in passwd(5) it is its number. Its groups are not looked up.
Identity this_user();

/// Before anything is opened for that user. EPERM when this process is neither that one nor root with the
/// rights that it takes.
Status check_can_become(const Identity& user);

/// All threads: user, group and groups, for good. Nothing is done by who is this user already. EPERM when
/// this process is neither root nor that user.
Status become(const Identity& user);

}  // namespace pmemckpt::confine
