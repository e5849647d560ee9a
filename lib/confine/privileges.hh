#pragma once
// What this process may do, as the kernel says it: /proc/self/task/*/status, see proc(5). Nothing here is
// what somebody meant to be so.
#include <sys/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/result.hh"

namespace pmemckpt::confine {

/// A set of capabilities: bit N is capability N of capabilities(7).
using CapabilitySet = std::uint64_t;

struct Privileges {
    uid_t uid = 0;  ///< effective
    gid_t gid = 0;  ///< effective
    std::vector<gid_t> groups;
    CapabilitySet inheritable = 0, permitted = 0, effective = 0, bounding = 0, ambient = 0;
    bool no_new_privileges = false;
    bool filtered = false;  ///< a seccomp filter stands before the system calls
};

/// Of one thread, from its status file. EPROTO when a line is missing.
Result<Privileges> parse_status(std::string_view text);

/// Of this process: what any of its threads may do.
Result<Privileges> read_privileges();

/// The threads of this process. EMFILE and its like.
Result<std::vector<pid_t>> list_threads();
/// Of one of them; ESRCH when it has ended.
Result<Privileges> privileges_of(pid_t thread);

}  // namespace pmemckpt::confine
