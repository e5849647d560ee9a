#pragma once
// What --json prints of the commands that need no manager; see json.hh.
#include <string>

#include "lib/pool/check.hh"

namespace pmemckpt::ctl {

std::string checked_json(const std::string& path, const pool::CheckReport& report);

/// Of a superblock copy: "valid", "damaged", "missing".
std::string superblock_state(format::SuperblockState state);

}  // namespace pmemckpt::ctl
