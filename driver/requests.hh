#pragma once
// The requests of one authenticated session, and what it has open: drafts, generations, logs.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "driver/channel.hh"
#include "driver/dirty_ranges.hh"
#include "driver/services.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::driver {

/// An error's answer; its sentence is cut where the message would not fit.
std::vector<std::byte> error_answer(std::uint64_t request_id, const Error& error);

struct Who {
    std::uint64_t session_id = 0;
    std::string principal;
};

/// Regions whose epoch a session remembers: more can't be written to by one session.
inline constexpr std::size_t kMaximumRegionsOfSession = 65'536;

/// Threads: one at a time (the session's inbox sees to it).
class Requests {
public:
    Requests(Services& services, std::shared_ptr<Channel> channel, Who who, std::shared_ptr<ServedPool> pool)
        : services_(services), channel_(std::move(channel)), who_(std::move(who)), pool_(std::move(pool)) {}
    /// After the connection's end, which killed the windows: drops drafts, lets generations go, forgets
    /// waiters.
    ~Requests();

    struct Reply {
        std::vector<std::byte> bytes;    ///< empty: the answer comes later
        std::optional<Error> violation;  ///< the session must end after the answer
    };
    Reply run(const wire::Message& message);
    /// Once, before the end: closes its logs, drops its drafts, and tells who watches that a primary has left
    /// or is lost.
    void connection_ended(const Error& why);

private:
    template <class T>
    using Answer = Result<T>;
    Reply answer(const wire::Message& message);
    void tell_of_refusal(const Error& why);
    void record(AuditEvent event, const std::string& region, const std::string& sentence);
    AuditRecord record_of(const std::string& region, const std::string& sentence) const;
    template <class Request, class T>
    Reply call(const wire::Message& message, Answer<T> (Requests::*method)(const Request&));
    /// For requests that are answered later.
    template <class Request>
    Reply call_waiting(const wire::Message& message,
                       Status (Requests::*method)(const Request&, std::uint64_t request_id));
    Status wait_generation(const wire::WaitGeneration& request, std::uint64_t request_id);
    Status wait_log(const wire::WaitLog& request, std::uint64_t request_id);
    Status watch(const wire::Watch& request, std::uint64_t request_id);
    Status check_waiters() const;

    Answer<wire::Region> create_region(const wire::CreateRegion& request);
    Answer<wire::Region> find_region(const wire::FindRegion& request);
    Answer<wire::Empty> destroy_region(const wire::DestroyRegion& request);
    Answer<wire::RegionList> list_regions(const wire::ListRegions& request);
    Answer<wire::Region> set_retention(const wire::SetRetention& request);
    Answer<wire::Empty> clear(const wire::Clear& request);
    Answer<wire::TakenOver> take_over(const wire::TakeOver& request);

    Answer<wire::Grant> grant_rights(const wire::GrantRights& request);
    Answer<wire::Grant> withdraw_rights(const wire::WithdrawRights& request);
    Answer<wire::RightsList> list_rights(const wire::ListRights& request);
    Answer<wire::Region> set_owner(const wire::SetOwner& request);

    Answer<wire::Begun> begin(const wire::Begin& request);
    Answer<wire::Generation> seal(const wire::Seal& request);
    Answer<wire::Empty> abort(const wire::Abort& request);
    Answer<wire::OpenedGeneration> open_generation(const wire::OpenGeneration& request);
    Answer<wire::Empty> close_generation(const wire::CloseGeneration& request);
    Answer<wire::GenerationList> list_generations(const wire::ListGenerations& request);
    Answer<wire::Generation> find_generation(const wire::FindGeneration& request);
    Answer<wire::Cloning> begin_clone(const wire::BeginClone& request);
    Answer<wire::Begun> dirty(const wire::Dirty& request);
    Answer<wire::Empty> pin(const wire::Pin& request);

    Answer<wire::LogGranted> open_log(const wire::OpenLog& request);
    Answer<wire::LogGranted> grow_log(const wire::GrowLog& request);
    Answer<wire::Empty> flush_log(const wire::FlushLog& request);
    Answer<wire::Empty> close_log(const wire::CloseLog& request);
    Answer<wire::LogOpened> read_log(const wire::ReadLog& request);
    Answer<wire::Empty> log_hint(const wire::LogHint& request);
    Answer<wire::LogState> find_log(const wire::FindLog& request);
    Answer<wire::LogPlace> find_in_log(const wire::FindInLog& request);

    Answer<wire::Cursor> cursor_get(const wire::CursorGet& request);
    Answer<wire::Empty> cursor_advance(const wire::CursorAdvance& request);
    Answer<wire::Empty> cursor_drop(const wire::CursorDrop& request);
    Answer<wire::CursorList> cursor_list(const wire::CursorListRequest& request);

    Answer<wire::PoolStatus> status(const wire::StatusRequest& request);
    Answer<wire::Empty> goodbye(const wire::Goodbye& request);

    struct OpenDraft {
        std::string region;
        std::uint64_t region_id = 0;
        std::shared_ptr<DraftSlot> slot;
        rdma::Key window = 0;
        std::uint64_t size = 0;  ///< bytes
        bool is_clone = false;
    };
    /// A clone whose dirty ranges are still coming.
    struct Clone {
        std::string region;
        std::uint64_t size = 0;
        pool::GenerationInfo base;
        DirtyRanges dirty;
    };
    /// A generation or a log, open for reading.
    struct OpenForReading {
        std::shared_ptr<const void> pages;
        std::vector<rdma::Key> windows;
    };
    /// A region that this session may write to, as far as it was looked at: its epoch is the session's.
    struct Entered {
        pool::RegionInfo info;
        std::shared_ptr<LiveRegion> live;
    };
    using Locked = std::unique_lock<std::mutex>;

    /// The region, when who is here has any right to it. ENOENT, and where there is one, that is recorded.
    Result<pool::RegionInfo> find(const std::string& region);
    /// When it has this one. ENOENT; EACCES.
    Result<pool::RegionInfo> allowed(const std::string& region, Right right);
    /// Whether it has it still, asked at any time from any thread.
    std::function<Status()> still_allowed(const pool::RegionInfo& region, Right right) const;
    /// As who is here sees it.
    wire::Region shown(const pool::RegionInfo& region) const;
    /// With what was appended since somebody looked last.
    Result<wire::Region> shown_with_log(const pool::RegionInfo& region);

    /// ENOENT; EACCES; ESTALE when the session is fenced; EMFILE.
    Result<Entered> enter(const std::string& region, Right right);
    /// To write over a part of what is there. As enter(); EACCES also for who may not read.
    Result<Entered> enter_to_clone(const std::string& region);
    /// The same again, under the region's lock: what holds now holds till the lock goes.
    Result<pool::RegionInfo> check_entered(const Entered& entered, const Locked& lock);
    /// Remembers the region's epoch, if this session knows none of it yet.
    Status remember(const pool::RegionInfo& region);
    void become_primary(const Entered& entered, const Locked& lock);
    void publish(std::uint64_t region_id, wire::EventKind kind, std::uint64_t generation, std::uint64_t epoch,
                 std::string principal, std::string detail = {});

    Status check_draft_limit() const;
    Status check_draft_bytes(std::uint64_t more) const;
    /// Their dirty ranges are held till the last one is named: few clones at a time may have many. E2BIG.
    Status check_other_clones(std::uint64_t draft_id) const;
    /// A window on the draft, unless the region was taken over meanwhile.
    Result<wire::Begun> grant_draft(std::uint64_t draft_id, const Entered& entered,
                                    std::unique_ptr<pool::Draft> draft);
    /// Kills the draft's window. Its slot is empty when a takeover dropped it. ENOENT.
    Result<OpenDraft> extract_draft(std::uint64_t draft_id);
    /// Kills the log's windows and counts the seal; fenced sessions don't get so far.
    Status begin_seal(const Entered& entered, bool has_draft);
    Result<pool::GenerationInfo> finish_seal(const Entered& entered, std::unique_ptr<pool::Draft> draft,
                                             const wire::Seal& request);
    Status check_reading_limit() const;

    struct LogWindows {
        std::vector<wire::LogSegment> segments;
        bool flush = true;  ///< all of them can be flushed through
    };
    struct OpenLogPart {
        const pool::RegionInfo& region;
        const pool::LogInfo& log;
        std::uint64_t handle;
        const std::vector<pool::LogSegment>& segments;
        std::uint64_t from;  // the first byte of the log that a window may reach
    };
    Result<LogWindows> grant_log(const OpenLogPart& part, rdma::Access access);
    /// This session's opening of the log, if it is that one. ESTALE.
    Result<Appender*> own_appender(LiveRegion& live, const std::string& region, std::uint64_t log_id,
                                   std::uint32_t term, const Locked& lock);
    /// How this session's records get durable: see pmemckpt-durability(7).
    bool read_is_enough();
    wire::FlushBy flush_by(bool windows_flush);
    media::Durability log_durability(wire::FlushBy by);
    Result<wire::LogGranted> append_to(const Entered& entered, pool::LogGrant grant, const Locked& lock);
    /// Whether this session was its primary to the end.
    bool leave_region(std::uint64_t region_id);
    void tell_left(std::uint64_t region_id, const std::string& region, const Error& why);

    Result<rdma::Grant> grant(WindowSubject subject, PageRange range, rdma::Access access);
    /// Of this session, in this pool.
    WindowSubject subject(const pool::RegionInfo& region) const;
    /// After the record that withdraws rights: see enforcement.hh. This request runs no more then, so that
    /// two of them don't wait for each other.
    std::size_t enforce();
    void revoke(const std::vector<rdma::Key>& windows);

    pool::Pool& pool() { return *pool_->pool; }

    Services& services_;
    const std::shared_ptr<Channel> channel_;
    const Who who_;
    const std::shared_ptr<ServedPool> pool_;
    RunningRequests::One running_;   // the request that runs
    std::uint64_t last_handle_ = 0;  // of drafts, generations and logs
    std::map<std::uint64_t, OpenDraft> drafts_;
    std::map<std::uint64_t, Clone> clones_;
    std::map<std::uint64_t, OpenForReading> reading_;
    std::map<std::uint64_t, std::uint64_t> epochs_;  // by region: the one it was found at
    std::map<std::uint64_t, std::string> written_;   // by region: the names of those that it was primary of
    bool said_goodbye_ = false;
};

}  // namespace pmemckpt::driver
