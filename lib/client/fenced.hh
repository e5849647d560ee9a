#pragma once
// A connection that a manager terminated: who writes through a window that has died is not told why on that
// connection.
#include <functional>
#include <optional>
#include <string>

#include "lib/base/rights.hh"
#include "lib/client/client.hh"

namespace pmemckpt::client {

/// By what a region is written.
struct Tenure {
    std::string region;
    std::uint64_t epoch = 0;
    Right right;
};

/// What else may have ended it: an error, or nothing.
using LookAt = std::function<std::optional<Error>(const wire::Region&)>;

/// Why a region can't be written any more, as the manager says it on a connection of its own: ESTALE when
/// another session took it over, ENOENT when it was destroyed, EACCES when the right was withdrawn, what
/// `look` finds; else `failure`.
Error why_lost(const Options& options, const Tenure& tenure, const Error& failure, const LookAt& look = {});

}  // namespace pmemckpt::client
