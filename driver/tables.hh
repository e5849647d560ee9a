#pragma once
// The protection and translation tables: every window that exists, of every session. A window is made and
// dies only through here.
#include <cstdint>
#include <map>
#include <memory>
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
    std::string principal;  ///< the session's
    std::string pool, region;
    std::uint64_t generation = 0;  ///< its number; 0: a draft's or a log's window
    std::uint64_t handle =
        0;  ///< draft_id, or the handle of what is open for reading; 0: a log open for append
    std::uint64_t region_id = 0;
    std::uint64_t log_id = 0;  ///< of a log's window
};

struct WindowEntry {
    WindowSubject subject;
    rdma::Access access = rdma::Access::read;
    rdma::Grant grant;
    std::uint64_t size = 0;  ///< bytes
};

inline bool may_write(rdma::Access access) {
    return access != rdma::Access::read;
}

/// Where [0, size) of a draft, a generation or a part of a log lies: see rdma::Translation.
struct PageRange {
    std::vector<std::uint64_t> pages;  ///< offsets in the medium
    std::uint64_t skipped = 0;         ///< bytes of the first page
    std::uint64_t size = 0;
};
/// `medium` must outlive the window.
rdma::Translation translate(media::Medium& medium, std::uint64_t page_size, PageRange range,
                            rdma::Access access);

/// Threads: all calls may come from any thread.
class Tables {
public:
    /// Key 0 and no window when the range is empty: there is nothing to reach. For writing: with the region's
    /// lock held.
    Result<rdma::Grant> grant(const std::shared_ptr<Channel>& channel, WindowSubject subject,
                              rdma::Translation translation, rdma::Access access);
    /// On return nothing is placed or read through the window any more. Key 0, and who is dead already, is
    /// ignored.
    void revoke(std::uint64_t session_id, rdma::Key key);
    /// Kills all windows for writing to the region: of drafts and of its log, of all sessions, those that
    /// hang included. On return nothing in flight lands any more; with the region's lock held no new one
    /// comes meanwhile. How many they were.
    std::size_t revoke_region_writers(const std::string& pool, std::uint64_t region_id);
    /// Kills all windows of the session. On return nothing in flight lands any more.
    std::size_t revoke_session(std::uint64_t session_id);
    /// After the connection's end, which killed the windows.
    void drop_session(std::uint64_t session_id);

    std::vector<WindowEntry> windows() const;
    std::size_t count(std::uint64_t session_id) const;

private:
    using Id = std::pair<std::uint64_t, rdma::Key>;  // session, key: a key belongs to one connection
    struct Window {
        WindowEntry entry;
        std::uint64_t number = 0;  // a device may give a key again as soon as its window is dead
        std::shared_ptr<Channel> channel;
    };
    std::vector<Id> region_writers(const std::string& pool, std::uint64_t region_id) const;

    mutable std::mutex mutex_;
    std::uint64_t last_number_ = 0;
    std::map<Id, Window> windows_;
};

}  // namespace pmemckpt::driver
