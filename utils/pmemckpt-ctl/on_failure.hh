#pragma once
// What an admin wants done when something happens.
#include <string>

#include "lib/client/client.hh"

namespace pmemckpt::ctl {

/// Runs `sh -c command` and waits for its end. Its environment has PMEMCKPT_REGION, PMEMCKPT_EVENT, and the
/// connection options that this program was given; its standard output is this program's standard error.
/// ECANCELED when it fails.
Status run_on_failure(const std::string& command, const std::string& region, const std::string& event,
                      const client::Options& connection);

}  // namespace pmemckpt::ctl
