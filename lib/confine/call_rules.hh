#pragma once
// Which system calls a program makes once it has opened what it needs, and which only an intruder would make.
// One list for each program, in seccomp(2)'s terms; who adds a call to the code that is not here learns of it
// from a message with the call's name.
#include <cstdint>
#include <vector>

namespace pmemckpt::confine {

/// That argument, masked, is this value. All conditions of a rule hold at once.
struct Condition {
    unsigned argument;  ///< 0 to 5
    std::uint64_t mask;
    std::uint64_t value;
};

struct CallRule {
    const char* call;
    std::vector<Condition> conditions;  ///< empty: with any arguments
};

/// What pmemckptd needs: its pools, sessions over TCP and RDMA devices, files of keys and configuration.
std::vector<CallRule> calls_of_manager();
/// What mount.pmemckpt needs: /dev/fuse, sessions, names of hosts, syslog(3).
std::vector<CallRule> calls_of_mount();

/// Nobody but an intruder makes these: they end the process.
const std::vector<const char*>& deadly_calls();

}  // namespace pmemckpt::confine
