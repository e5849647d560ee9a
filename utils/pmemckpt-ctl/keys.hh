#pragma once
// Where keys are.
#include <string>

#include "utils/pmemckpt-ctl/commands.hh"

namespace pmemckpt::ctl {

/// --key-dir, else the default.
std::string key_directory(const Common& common);

}  // namespace pmemckpt::ctl
