#pragma once
// What --json prints of the remote-* commands, as json.hh has it.
#include <cstdint>
#include <span>
#include <string>

#include "lib/sync/messages.hh"

namespace pmemckpt::ctl {

/// A file that remote-cp copied; the paths as they were given, a folder with the file's name behind it.
struct Copied {
    std::string from, to;
    std::uint64_t bytes = 0;
};
std::string copied_json(std::span<const Copied> copied);

std::string remote_list_json(const std::string& address, const Uuid& participant, const sync::Listed& listed);

}  // namespace pmemckpt::ctl
