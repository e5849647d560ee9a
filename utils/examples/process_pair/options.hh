#pragma once
#include "utils/examples/process_pair/load.hh"
#include "utils/examples/process_pair/member.hh"

namespace process_pair {

/// What the command line says. The exit status, unless it throws: std::invalid_argument for a wrong option.
int run(int count, char** arguments);

}  // namespace process_pair
