#include "utils/pmemckpt-ctl/remote.hh"

#include <cerrno>

#include "lib/sync/coordinator.hh"

namespace pmemckpt::ctl {

sync::Caller::Wanted wanted_participant(const Common& common, const std::string& address) {
    const auto options = client::with_defaults(common.connection);
    // As long as a coordinator waits: a sync point, or a flush, may be under way there.
    return {address, options.principal, options.key_dir, sync::Coordinator::Options{}.timeout_ms};
}

Result<std::unique_ptr<sync::FileSession>> open_remote_files(const Common& common,
                                                             const std::string& address) {
    auto session = sync::FileSession::connect(wanted_participant(common, address), {});
    if (!session && session.error().code == EOPNOTSUPP)
        return fail(EOPNOTSUPP, "{} takes part in sync points, and serves no files", address);
    return session;
}

}  // namespace pmemckpt::ctl
