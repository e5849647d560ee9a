#pragma once
// What the remote-* commands share: connections to a participant of sync points, and to a pmemckpt-filed's
// files.
#include <memory>
#include <string>

#include "lib/sync/file_session.hh"
#include "utils/pmemckpt-ctl/commands.hh"

namespace pmemckpt::ctl {

/// With the principal, the keys and the environment that a manager is asked with.
sync::Caller::Wanted wanted_participant(const Common& common, const std::string& address);

/// A session of no job: its handles are closed with the connection. EOPNOTSUPP when it serves no files.
Result<std::unique_ptr<sync::FileSession>> open_remote_files(const Common& common,
                                                             const std::string& address);

}  // namespace pmemckpt::ctl
