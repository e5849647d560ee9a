#include "driver/tables.hh"

#include <functional>

namespace pmemckpt::driver {

rdma::Translation translate(media::Medium& medium, std::uint64_t page_size, PageRange range,
                            rdma::Access access) {
    rdma::Translation translation;
    translation.medium = medium.bytes();
    translation.page_size = page_size;
    translation.pages = std::move(range.pages);
    translation.skipped = range.skipped;
    translation.size = range.size;
    if (may_write(access)) {
        translation.persist = [&medium](Extent extent) { return medium.persist(extent); };
        translation.flushes = access == rdma::Access::both &&  // a log's
                              medium.flush_is_enough();
    }
    return translation;
}

Result<rdma::Grant> Tables::grant(const std::shared_ptr<Channel>& channel, WindowSubject subject,
                                  rdma::Translation translation, rdma::Access access) {
    const auto size = translation.size;
    if (size == 0)
        return rdma::Grant{};
    const auto grant = TRY(channel->grant(std::move(translation), access));
    const std::lock_guard lock(mutex_);
    const Id id{subject.session_id, grant.key};
    windows_.insert_or_assign(id, Window{{std::move(subject), access, grant, size}, ++last_number_, channel});
    return grant;
}

void Tables::revoke(std::uint64_t session_id, rdma::Key key) {
    const Id id{session_id, key};
    std::unique_lock lock(mutex_);
    const auto found = windows_.find(id);
    if (found == windows_.end())
        return;
    const auto channel = found->second.channel;
    const auto number = found->second.number;
    lock.unlock();
    channel->revoke(key);
    // It leaves the table only when it is dead: so another thread that revokes it too finds it, and waits as
    // well.
    lock.lock();
    if (const auto now = windows_.find(id); now != windows_.end() && now->second.number == number)
        windows_.erase(now);
}

std::vector<Tables::Id> Tables::region_writers(const std::string& pool, std::uint64_t region_id) const {
    const std::lock_guard lock(mutex_);
    std::vector<Id> writers;
    for (const auto& [id, window] : windows_)
        if (may_write(window.entry.access) && window.entry.subject.region_id == region_id &&
            window.entry.subject.pool == pool)
            writers.push_back(id);
    return writers;
}

std::size_t Tables::revoke_region_writers(const std::string& pool, std::uint64_t region_id) {
    const auto writers = region_writers(pool, region_id);
    for (const auto& [session_id, key] : writers)
        revoke(session_id, key);
    return writers.size();
}

std::size_t Tables::revoke_session(std::uint64_t session_id) {
    std::map<std::uint64_t, rdma::Key, std::greater<>> keys;  // the last one first: see log_requests.cc
    {
        const std::lock_guard lock(mutex_);
        const auto end = windows_.lower_bound(Id{session_id + 1, 0});
        for (auto window = windows_.lower_bound(Id{session_id, 0}); window != end; ++window)
            keys.emplace(window->second.number, window->first.second);
    }
    for (const auto& [number, key] : keys)
        revoke(session_id, key);
    return keys.size();
}

void Tables::drop_session(std::uint64_t session_id) {
    const std::lock_guard lock(mutex_);
    windows_.erase(windows_.lower_bound(Id{session_id, 0}), windows_.lower_bound(Id{session_id + 1, 0}));
}

std::vector<WindowEntry> Tables::windows() const {
    const std::lock_guard lock(mutex_);
    std::vector<WindowEntry> all;
    all.reserve(windows_.size());
    for (const auto& [id, window] : windows_)
        all.push_back(window.entry);
    return all;
}

std::size_t Tables::count(std::uint64_t session_id) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::distance(windows_.lower_bound(Id{session_id, 0}), windows_.lower_bound(Id{session_id + 1, 0})));
}

}  // namespace pmemckpt::driver
