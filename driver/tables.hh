#pragma once
// The protection and translation tables: every window that exists, of every session. A window is made and
// dies only through here.
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "driver/channel.hh"
#include "lib/media/medium.hh"
#include "lib/rdma/engine.hh"

namespace pmemckpt::driver {

/// What a window is for.
struct WindowSubject {
    std::uint64_t session_id = 0;
    std::string pool, region;
    std::uint64_t generation = 0;  ///< its number; 0: a draft's window
    std::uint64_t handle = 0;      ///< draft_id, or the handle of an open generation
};

struct WindowEntry {
    WindowSubject subject;
    rdma::Access access = rdma::Access::read;
    rdma::Grant grant;
    std::uint64_t size = 0;  ///< bytes
};

/// Where [0, size) of a draft or generation lies. `medium` must outlive the window.
rdma::Translation translate(media::Medium& medium, std::uint64_t page_size,
                            const std::vector<std::uint64_t>& pages, std::uint64_t size, rdma::Access access);

/// Threads: all calls may come from any thread.
class Tables {
public:
    /// Key 0 and no window when the range is empty: there is nothing to reach.
    Result<rdma::Grant> grant(Channel& channel, WindowSubject subject, rdma::Translation translation,
                              rdma::Access access);
    /// On return nothing is placed or read through the window any more. Key 0 is ignored.
    void revoke(Channel& channel, std::uint64_t session_id, rdma::Key key);
    /// After the connection's end, which killed the windows.
    void drop_session(std::uint64_t session_id);

    std::vector<WindowEntry> windows() const;
    std::size_t count(std::uint64_t session_id) const;

private:
    using Id = std::pair<std::uint64_t, rdma::Key>;  // session, key: a key belongs to one connection
    mutable std::mutex mutex_;
    std::map<Id, WindowEntry> windows_;
};

}  // namespace pmemckpt::driver
