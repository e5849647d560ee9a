#pragma once
// What a seccomp filter refused is told: a line with the call's name, once for each.
#include <string>

#include "lib/base/result.hh"

namespace pmemckpt::confine {

/// Before there is a filter: looks up the names, takes SIGSYS. From then on a call that a filter sends there
/// (SCMP_ACT_TRAP) is told and fails with EPERM.
Status tell_of_refusals();
/// Whether this processor's registers are known here, so that a call can be made to fail so.
bool can_be_told();

/// Of a call that is let through and would be refused. Any thread; allocates nothing.
void tell_of_missing_call(int number);

}  // namespace pmemckpt::confine
