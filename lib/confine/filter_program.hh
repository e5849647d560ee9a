#pragma once
// What a filter is to the kernel: instructions, made of rules by libseccomp.
#include <linux/filter.h>

#include <vector>

#include "lib/base/result.hh"
#include "lib/confine/call_rules.hh"
#include "lib/confine/mode.hh"

namespace pmemckpt::confine {

/// It is made in a process of its own, since libseccomp crashes, or never ends, where it gets no memory: so
/// that is an error here, ENOMEM. Before the first thread is started. Of Mode::on or Mode::log.
Result<std::vector<sock_filter>> make_filter_program(const std::vector<CallRule>& allowed, Mode mode);

}  // namespace pmemckpt::confine
