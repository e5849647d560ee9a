#pragma once
// The paths that remote-cp is given: one with a ':' before it is a file of the service, any other one is
// here.
#include <string>
#include <vector>

#include "lib/base/result.hh"

namespace pmemckpt::ctl {

inline constexpr char kAtService = ':';

/// Standard input, or standard output.
bool is_standard_stream(const std::string& path);

struct RemoteCopies {
    struct One {
        std::string from, to;  ///< without the ':'
    };
    bool to_service = false;
    std::vector<One> all;
};

/// The last path is the destination: of several files a folder. EINVAL; ENOENT, ENOTDIR when it is none.
Result<RemoteCopies> plan_copies(const std::vector<std::string>& paths);

}  // namespace pmemckpt::ctl
