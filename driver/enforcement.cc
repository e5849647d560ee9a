#include "driver/enforcement.hh"

namespace pmemckpt::driver {

namespace {

/// Who has a generation of a region open that was destroyed since keeps it.
bool may_have(const Services& services, const pool::Pool& pool, const WindowEntry& window) {
    const auto& subject = window.subject;
    const auto rights = services.access.rights(pool, {subject.region, subject.region_id}, subject.principal);
    return !rights || rights->has(right_for(window.access));
}

/// A log's windows die in their order, with what the manager knows of its appender.
void end_log_of(Services& services, const pool::Pool& pool, const WindowSubject& subject) {
    const auto live = services.regions.find(pool, subject.region_id);
    if (!live)
        return;
    const std::unique_lock lock(live->mutex);
    if (live->appender && live->appender->session_id == subject.session_id)
        end_log(services.tables, *live, lock);
}

std::size_t kill_windows(Services& services) {
    std::size_t killed = 0;
    for (const auto& served : services.pools.all())
        for (const auto& window : services.tables.windows()) {
            if (window.subject.pool != served->name || may_have(services, *served->pool, window))
                continue;
            if (window.access == rdma::Access::both)
                end_log_of(services, *served->pool, window.subject);
            services.tables.revoke(window.subject.session_id, window.grant.key);
            ++killed;
        }
    return killed;
}

}  // namespace

// At once, and again: a request that looked at the rights before may have granted one meanwhile.
std::size_t enforce_rights(Services& services) {
    const auto at_once = kill_windows(services);
    services.running.wait_for_earlier();
    return at_once + kill_windows(services);
}

}  // namespace pmemckpt::driver
