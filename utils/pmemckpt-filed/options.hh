#pragma once
// pmemckpt-filed's command line: pmemckpt-filed.8, OPTIONS.
#include <optional>
#include <string>

#include "lib/base/address.hh"
#include "lib/base/result.hh"
#include "lib/sync/messages.hh"

namespace pmemckpt::filed {

struct Options {
    std::string directory;
    Address listen{{}, sync::kDefaultSyncPort};
    std::string checkpoint_file;       ///< empty: "checkpoint" in the service's own folder
    std::string checkpoint_directory;  ///< or, in its place: a new file for each sync point
    std::string address_file, key_dir, principal;
    std::uint32_t keep = 2;
    bool verbose = false;
};

struct Started {
    std::optional<Options> options;  ///< none when there is nothing to run: --help, --version
    std::string text;                ///< what these print
};

/// EINVAL.
Result<Started> parse_options(int argc, const char* const* argv);

}  // namespace pmemckpt::filed
