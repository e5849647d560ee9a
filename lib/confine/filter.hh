#pragma once
// The seccomp filter of a process: from then on its system calls are those of a list, for good.
#include <vector>

#include "lib/base/result.hh"
#include "lib/confine/call_rules.hh"
#include "lib/confine/mode.hh"

namespace pmemckpt::confine {

/// For all threads, and those that they start. With Mode::on: a call that is not in the list is told in a
/// message and fails with EPERM, one of deadly_calls() ends the process (SIGSYS); so what a young C library
/// asks for in vain costs a line, and not the service. With Mode::log nothing is refused; what would be is
/// named, by a thread of its own. Mode::off, and in a build with a sanitizer: nothing is done.
/// Once. PR_SET_NO_NEW_PRIVS is set before. ENOSYS where the kernel has no seccomp.
Status restrict_system_calls(const std::vector<CallRule>& allowed, Mode mode);

/// Whether what a filter of ours would refuse is let through.
bool refusals_are_only_told();

}  // namespace pmemckpt::confine
