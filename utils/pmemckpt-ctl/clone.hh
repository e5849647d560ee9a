#pragma once
// pmemckpt-ctl save --clone: what has changed is sent, the rest is shared with the newest generation.
#include <span>
#include <string>
#include <vector>

#include "lib/base/units.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/input.hh"

namespace pmemckpt::ctl {

/// Each OFFSET:LENGTH, sizes as everywhere. EINVAL, ERANGE.
Result<std::vector<Extent>> parse_dirty(std::span<const std::string> texts);

/// The input's size must be known. Without dirty ranges they are found, by reading the newest generation.
/// EBADMSG, and nothing is sealed, when it has changed elsewhere than the dirty ranges say.
Result<wire::Generation> send_clone(client::Client& client, const std::string& region,
                                    std::span<const Extent> dirty, Input& input);

}  // namespace pmemckpt::ctl
