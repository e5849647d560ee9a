#pragma once
// The seccomp filter of a process: from then on its system calls are those of a list, for good.
#include <linux/filter.h>

#include <vector>

#include "lib/base/result.hh"
#include "lib/confine/call_rules.hh"
#include "lib/confine/mode.hh"

namespace pmemckpt::confine {

/// With Mode::on: a call that is not in the list is told in a message and fails with EPERM, one of
/// deadly_calls() ends the process (SIGSYS); so what a young C library asks for in vain costs a line, and not
/// the service. With Mode::log nothing is refused; what would be is named, by a thread of its own. Mode::off,
/// and in a build with a sanitizer: it does nothing.
class Filter {
public:
    /// Before the first thread is started, in the process that is to enter it. ENOMEM.
    static Result<Filter> make(const std::vector<CallRule>& allowed, Mode mode);
    /// For all threads, and those that they start. Once. PR_SET_NO_NEW_PRIVS is set before. ENOSYS where the
    /// kernel has no seccomp.
    Status enter() const;

private:
    Filter(Mode mode, std::vector<sock_filter> program) : mode_(mode), program_(std::move(program)) {}
    Mode mode_;
    std::vector<sock_filter> program_;
};

/// Whether what a filter of ours would refuse is let through.
bool refusals_are_only_told();

}  // namespace pmemckpt::confine
