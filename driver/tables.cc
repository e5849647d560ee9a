#include "driver/tables.hh"

namespace pmemckpt::driver {

rdma::Translation translate(media::Medium& medium, std::uint64_t page_size,
                            const std::vector<std::uint64_t>& pages, std::uint64_t size,
                            rdma::Access access) {
    rdma::Translation translation;
    translation.medium = medium.bytes();
    translation.page_size = page_size;
    translation.pages = pages;
    translation.size = size;
    if (access == rdma::Access::write)
        translation.persist = [&medium](Extent extent) { return medium.persist(extent); };
    return translation;
}

Result<rdma::Grant> Tables::grant(Channel& channel, WindowSubject subject, rdma::Translation translation,
                                  rdma::Access access) {
    const auto size = translation.size;
    if (size == 0)
        return rdma::Grant{};
    const auto grant = TRY(channel.grant(std::move(translation), access));
    const std::lock_guard lock(mutex_);
    const Id id{subject.session_id, grant.key};
    const auto [place, is_new] =
        windows_.try_emplace(id, WindowEntry{std::move(subject), access, grant, size});
    require(is_new, "an engine gives each window of a connection another key");
    return place->second.grant;
}

void Tables::revoke(Channel& channel, std::uint64_t session_id, rdma::Key key) {
    if (key == 0)
        return;
    channel.revoke(key);
    const std::lock_guard lock(mutex_);
    windows_.erase(Id{session_id, key});
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
        all.push_back(window);
    return all;
}

std::size_t Tables::count(std::uint64_t session_id) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::distance(windows_.lower_bound(Id{session_id, 0}), windows_.lower_bound(Id{session_id + 1, 0})));
}

}  // namespace pmemckpt::driver
