#pragma once
// What a manager knows of a region beyond its pool: who writes to it at present. Gone with the manager, as
// its sessions are.
//
// Fencing. A session keeps the epoch it found a region at. Windows for writing are granted under the region's
// lock, after a look at the present epoch; a takeover holds the same lock while it kills them all and commits
// the next epoch. So there is never a window of an older epoch, and none comes after.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driver/tables.hh"
#include "lib/pool/pool.hh"
#include "lib/rdma/engine.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::driver {

/// A session's draft: its session takes it to seal or abort it, a takeover to drop it.
class DraftSlot {
public:
    explicit DraftSlot(std::unique_ptr<pool::Draft> draft)
        : epoch_(draft->epoch()), draft_(std::move(draft)) {}
    /// Once; then none.
    std::unique_ptr<pool::Draft> take();
    std::uint64_t epoch() const { return epoch_; }

private:
    const std::uint64_t epoch_;
    std::mutex mutex_;
    std::unique_ptr<pool::Draft> draft_;
};

/// Who has the log open for append.
struct Appender {
    std::uint64_t session_id = 0;
    std::string principal, peer;
    std::uint64_t log_id = 0;
    std::uint32_t term = 0;
    std::vector<rdma::Key> windows;  ///< in the log's order
    std::vector<pool::LogSegment> segments;
    std::shared_ptr<const void> pages;  ///< holds them till the windows are dead
    bool can_flush = false;             ///< the client's device has RDMA FLUSH
    wire::FlushBy flush_by = wire::FlushBy::request;
};

struct Primary {
    std::uint64_t session_id = 0;
    std::string principal;
};

struct Takeover {
    std::string principal;
    std::int64_t time_ns = 0;
    std::uint64_t epoch = 0;  ///< that it began
};

struct LiveRegion {
    /// Outermost of all locks. It is held over the commit of a takeover, of an opening or growing of the log,
    /// and of a clear: what these decide must hold till it is durable. Only requests that write to this
    /// region wait for it.
    std::mutex mutex;
    std::optional<Appender> appender;
    std::optional<Primary> primary;  ///< the last to begin a generation or to open the log
    std::optional<Takeover> takeover;
    unsigned seals = 0;  ///< that are under way: they end the log, so nobody opens it meanwhile
    std::vector<std::weak_ptr<DraftSlot>> drafts;

    void add_draft(const std::shared_ptr<DraftSlot>& slot);
    /// Those of an epoch below this one.
    void drop_drafts(std::uint64_t before_epoch);
};

/// Threads: all calls may come from any thread.
class LiveRegions {
public:
    std::shared_ptr<LiveRegion> of(const pool::Pool& pool, std::uint64_t region_id);
    /// None when nobody has written to it.
    std::shared_ptr<LiveRegion> find(const pool::Pool& pool, std::uint64_t region_id);
    /// When the region is gone. Who holds it still may use it.
    void forget(const pool::Pool& pool, std::uint64_t region_id);

private:
    std::mutex mutex_;
    std::map<std::pair<const pool::Pool*, std::uint64_t>, std::shared_ptr<LiveRegion>> regions_;
};

/// With the lock of the region held: whoever has the log open has no window any more. How many he had.
std::size_t end_log(Tables& tables, LiveRegion& live, const std::unique_lock<std::mutex>& lock);

/// "fenced: region R was taken over by P at ... (epoch E); open it anew", with ESTALE. Under the region's
/// lock.
Error fenced(const std::string& region, const LiveRegion& live, std::uint64_t epoch);

}  // namespace pmemckpt::driver
