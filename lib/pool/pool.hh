#pragma once
// A pool: regions and their generations on one medium. All metadata changes are journal records; what a
// record says is so from the moment its persist returned, on this side of a crash and on the other.
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/keys.hh"
#include "lib/base/result.hh"
#include "lib/base/rights.hh"
#include "lib/base/units.hh"
#include "lib/base/uuid.hh"
#include "lib/format/log_record.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::pool {

using pmemckpt::parse_uuid;
using pmemckpt::Right;
using pmemckpt::Rights;
using pmemckpt::to_string;
using pmemckpt::Uuid;

inline constexpr std::uint64_t kMinimumPoolSize = 16 * kMiB;
inline constexpr std::uint64_t kMaximumPoolSize = 16 * kTiB;
inline constexpr std::uint64_t kDefaultPageSize = 2 * kMiB;
inline constexpr std::uint32_t kDefaultKeep = 8;
inline constexpr std::uint32_t kMaximumKeep = 1'000'000;
inline constexpr std::size_t kMaximumGrants = 1024;  ///< of one region

/// `team/app`: 1 to 255 bytes; parts of letters, digits, '.', '_', '-', '@', '+', '=', ':' , not starting
/// with a dot, joined by single slashes. EINVAL with what is wrong.
Status check_region_name(std::string_view name);

/// A region: by its name; with an id, that very one, and no later one of the same name.
struct RegionRef {
    RegionRef(std::string region_name, std::uint64_t region_id = 0)
        : name(std::move(region_name)), id(region_id) {}
    RegionRef(const char* region_name) : name(region_name) {}
    RegionRef(const struct RegionInfo& region);
    std::string name;
    std::uint64_t id = 0;
};

struct RegionSettings {
    std::uint32_t keep = kDefaultKeep;  ///< generations kept, at least 1
    std::uint64_t max_size = 0;         ///< bytes a generation may have; 0: no limit but the pool
    std::int64_t keep_age_ns = 0;       ///< younger ones are kept as well, however many; 0: age keeps nothing
};

/// A region's log: what was appended after its newest generation.
struct LogInfo {
    std::uint64_t id = 0;        ///< 0: there is no log
    std::uint32_t term = 0;      ///< rises with each opening for append
    std::uint64_t capacity = 0;  ///< bytes of its pages
    std::uint64_t bytes = 0;     ///< where its last good record ends, padding included
    std::uint64_t records = 0;
    std::uint64_t payload_bytes = 0;  ///< of all its records, headers and padding left out
};

/// A border between two records of a log: what lies before it.
struct LogPlace {
    std::uint64_t bytes = 0;  ///< from the log's start: where the next record begins
    std::uint64_t payload_bytes = 0;
    format::LogPosition last;  ///< the record that ends here
};
enum class LogMeasure : std::uint8_t { records = 0, payload_bytes = 1 };

struct RegionInfo {
    std::uint64_t id = 0;  ///< never reused in a pool
    std::string name;
    std::string owner;  ///< the principal who created it
    RegionSettings settings;
    std::uint64_t epoch = 1;
    std::uint64_t newest = 0;       ///< number of the newest sealed generation; 0: none
    std::uint64_t generations = 0;  ///< how many are kept
    std::uint64_t bytes = 0;        ///< sum of their lengths
    std::int64_t created_ns = 0;    ///< nanoseconds since 1970, UTC
    LogInfo log;                    ///< as far as it was looked at; read_log() looks on
};

inline RegionRef::RegionRef(const RegionInfo& region) : name(region.name), id(region.id) {}

/// What somebody besides the owner may do with a region.
struct Grant {
    std::string grantee;  ///< a principal, or "%" and a group's name
    Rights rights;
};

struct GenerationInfo {
    std::uint64_t region_id = 0;
    std::uint64_t number = 0;
    std::uint64_t length = 0;  ///< bytes
    std::uint32_t crc32c = 0;  ///< of its whole content
    media::Durability durability = media::Durability::page;
    std::int64_t sealed_ns = 0;
    std::uint64_t epoch = 1;
    std::string writer;   ///< principal who sealed it
    bool pinned = false;  ///< retention does not drop it
};

/// How far a named backup has read: all generations up to `generation`, and the first `sequence` records of
/// the log that follows that one.
struct Cursor {
    std::string name;
    std::uint64_t generation = 0;
    std::uint64_t sequence = 0;
};

/// What was read when a cursor moves; 0: whatever is there now.
struct ReadFrom {
    std::uint64_t region_id = 0;
    std::uint64_t log_id = 0;  ///< that the sequence is of
};

/// Log pages that were granted at one time; the log's virtual range is all of them side by side.
struct LogSegment {
    std::uint64_t start = 0, size = 0;  ///< in the log's virtual range, bytes
    std::vector<std::uint64_t> page_offsets;
};
struct LogGrant {
    LogInfo log;
    std::uint64_t epoch = 0;
    std::uint64_t next_sequence = 1;
    std::vector<LogSegment> segments;   ///< of grow_log: the new ones
    std::shared_ptr<const void> pages;  ///< holds all the log's pages, whatever becomes of the log
};
struct LogView {
    std::uint64_t region_id = 0;
    LogInfo log;
    std::uint64_t generation = 0;  ///< the one it follows; 0: none
    std::uint64_t epoch = 0;       ///< of the region
    std::vector<LogSegment> segments;
    std::shared_ptr<const void> pages;
};

/// What a clone starts from.
struct Base {
    std::uint64_t number = 0;   ///< 0: the newest
    std::vector<Extent> dirty;  ///< what will be written, in any order; pages without a dirty byte are shared
};

struct PoolInfo {
    Uuid uuid{};
    std::string path;
    std::uint64_t size = 0, page_size = 0, pages = 0, free_pages = 0;
    std::uint64_t bad_pages = 0;  ///< that nobody gets: the medium can't read all of them
    std::uint64_t regions = 0, generations = 0, drafts = 0;
    std::uint64_t journal_half_bytes = 0, journal_used_bytes = 0, journal_switches = 0;
    media::Durability durability = media::Durability::page;
};

class PageStore;
/// Pages of a pool: go back to it when the last owner of this object goes. Movable.
class Pages;

/// A sealed generation, held: its pages stay as they are while this object lives, whatever retention drops.
class Generation {
public:
    Generation(GenerationInfo info, std::shared_ptr<const Pages> pages);
    ~Generation();
    const GenerationInfo& info() const { return info_; }
    /// Where each page of [0, length) lies: offsets in the medium, in bytes.
    const std::vector<std::uint64_t>& page_offsets() const;

private:
    GenerationInfo info_;
    std::shared_ptr<const Pages> pages_;
};

/// A generation being written: blank pages, seen by nobody else. Dropped unsealed, its pages are free again.
class Draft {
public:
    virtual ~Draft() = default;
    virtual const std::string& region() const = 0;
    virtual std::uint64_t size() const = 0;  ///< bytes asked for at begin
    virtual const std::vector<std::uint64_t>& page_offsets() const = 0;
    /// Which pages may be written; empty: all. The others are shared with the base.
    virtual const std::vector<bool>& writable() const = 0;
    virtual std::uint64_t epoch() const = 0;  ///< the region's, at begin
};

struct CreateOptions {
    std::string path;
    std::uint64_t size = 0;                      ///< 0: a device's own
    std::uint64_t page_size = kDefaultPageSize;  ///< a power of two, 4 KiB to 1 GiB
    bool replace = false;
    std::optional<Uuid> uuid;  ///< random when not given
};

/// Told of each seal, after it is durable, with no lock of the pool held; on the sealing thread. Must not
/// block.
using SealListener = std::function<void(const RegionInfo&, const GenerationInfo&)>;

/// Threads: every call may come from any thread. Two locks: one serializes metadata changes and is held over
/// their persists (a journal has one writer); the other guards the tables in memory and is never held over
/// I/O.
class Pool {
public:
    /// Formats a new pool: in a new file, or in place on a device. EINVAL/ERANGE for sizes, EEXIST when
    /// something is there and may not be replaced. ENOENT: no such device.
    /// Who has the manager key can open it.
    static Result<Uuid> create(const CreateOptions& options, const Key& manager_key);
    /// The same on a medium of the caller's, of at least options.size bytes: for crash tests.
    static Result<Uuid> create(media::Medium& medium, const CreateOptions& options, const Key& manager_key);

    /// Opens, replays, takes the lock. ENOENT, ENODATA (empty file), EBUSY (has a manager), EPROTONOSUPPORT
    /// (newer format), EUCLEAN (damaged, not a pool, cut short), EKEYREJECTED (another manager key, or
    /// somebody without it wrote there): then nothing on the medium was changed.
    static Result<std::unique_ptr<Pool>> open(const std::string& path, const Key& manager_key);
    /// The same on a medium of the caller's.
    static Result<std::unique_ptr<Pool>> open(std::unique_ptr<media::Medium> medium, const Key& manager_key);
    virtual ~Pool() = default;

    virtual media::Medium& medium() = 0;
    virtual std::uint64_t page_size() const = 0;
    virtual const Uuid& uuid() const = 0;
    virtual PoolInfo info() const = 0;

    /// EEXIST when it is there (also when it would be a folder of another one, or lie in one); ENOSPC when
    /// the journal has no room. Durable on return.
    virtual Result<RegionInfo> create_region(const std::string& name, const std::string& owner,
                                             RegionSettings settings) = 0;
    virtual Result<RegionInfo> find_region(const RegionRef& region) const = 0;  ///< ENOENT
    /// What one who is all of these grantees may do with it; its owner may do all. ENOENT.
    virtual Result<Rights> rights(const RegionRef& region,
                                  const std::vector<std::string>& grantees) const = 0;
    virtual Result<std::vector<Grant>> grants(const RegionRef& region) const = 0;  ///< sorted by grantee
    /// Adds to what the grantee may do, or takes from it; returns what that is then. Durable on return.
    /// EINVAL for a name that can be nobody's; ENOSPC beyond kMaximumGrants.
    virtual Result<Rights> grant(const RegionRef& region, const Grant& more) = 0;
    virtual Result<Rights> withdraw(const RegionRef& region, const Grant& less) = 0;
    /// Durable on return. Who had it keeps what he was granted.
    virtual Result<RegionInfo> set_owner(const RegionRef& region, const std::string& owner) = 0;
    /// Drops the region with all its generations, in one atomic step. Who has one open keeps it till it lets
    /// go. Returns the id of the region that is gone.
    virtual Result<std::uint64_t> destroy_region(const RegionRef& region) = 0;
    /// Durable on return; drops at once what no rule keeps any more.
    virtual Result<RegionInfo> set_retention(const RegionRef& region, std::uint32_t keep,
                                             std::int64_t keep_age_ns) = 0;
    /// Drops all generations, pins and the log, in one atomic step. Numbers go on rising; cursors stay.
    virtual Status clear(const RegionRef& region) = 0;
    /// A pinned generation is dropped by clear and destroy alone. ENOENT.
    virtual Status pin(const RegionRef& region, std::uint64_t number, bool pinned) = 0;
    /// Drops what only its age kept till now; returns how many. For the manager's timer.
    virtual Result<std::size_t> expire(std::int64_t now_ns) = 0;
    /// The epoch rises by 1; durable on return. The caller has killed all windows for writing before, and
    /// seals of older epochs' drafts fail with ESTALE from here on.
    /// Windows for writing must be dead: what lies behind the log's last good record can't be one of the new
    /// epoch.
    virtual Result<RegionInfo> take_over(const RegionRef& region) = 0;
    /// At most `limit`, sorted by name, those after `after`.
    virtual std::vector<RegionInfo> regions(const std::string& after, std::size_t limit) const = 0;

    /// EFBIG over max_size, ENOSPC when the pool has not the free pages (no kept generation is dropped for
    /// it).
    virtual Result<std::unique_ptr<Draft>> begin(const RegionRef& region, std::uint64_t size) = 0;

    /// A draft of `size` bytes that starts as the base: pages without a dirty byte are shared, partly dirty
    /// ones are copied, the others and what lies beyond the base's length are blank. The base is held while
    /// the draft lives. ENODATA when the region has no generation, ENOENT, ERANGE for a range outside [0,
    /// size), EFBIG, ENOSPC.
    virtual Result<std::unique_ptr<Draft>> begin_clone(const RegionRef& region, std::uint64_t size,
                                                       const Base& base) = 0;

    /// Persists the first `length` bytes, computes their CRC, commits. All windows on the draft must be dead
    /// before. With `expected_crc`, EBADMSG when it differs: nothing is sealed then. On any error the draft
    /// is dropped and the old generation stays. What retention no longer keeps is dropped by the same journal
    /// record, which also ends the log. ESTALE when the region's epoch is not the draft's any more.
    /// EBADMSG also when the medium can't read some of them: then nobody gets those pages any more.
    virtual Result<GenerationInfo> seal(std::unique_ptr<Draft> draft, std::uint64_t length,
                                        std::optional<std::uint32_t> expected_crc,
                                        const std::string& writer) = 0;

    /// number 0: the newest. ENOENT; ENODATA when the region has none yet; EBADMSG when it lies on a bad
    /// block that is known, or where a file was cut off.
    virtual Result<std::shared_ptr<const Generation>> open_generation(const RegionRef& region,
                                                                      std::uint64_t number) const = 0;
    /// Where a range of a kept generation lies in the medium: runs, in their order. Nothing is held: once it
    /// is dropped, others write there. Who reads without holding looks afterwards whether it is still kept;
    /// if so, what was read was its own. ENOENT; ERANGE when the range is not within its length.
    virtual Result<std::vector<Extent>> locate(const RegionRef& region, std::uint64_t number,
                                               Extent range) const = 0;
    /// At most `limit`, oldest first, those with a number above `after`.
    virtual Result<std::vector<GenerationInfo>> generations(const RegionRef& region, std::uint64_t after,
                                                            std::size_t limit) const = 0;

    /// Opens the log for append, starting it if there is none: raises its term (durable on return) and makes
    /// sure of `room` bytes behind its last good record. Windows of earlier openings must be dead. ENOSPC,
    /// EFBIG beyond max_size.
    virtual Result<LogGrant> open_log(const RegionRef& region, std::uint64_t room) = 0;
    /// More pages behind the present ones, at least `room` bytes. ESTALE when it is not this log or term any
    /// more.
    virtual Result<LogGrant> grow_log(const RegionRef& region, std::uint64_t log_id, std::uint32_t term,
                                      std::uint64_t room) = 0;
    /// Looks on from where it last looked: how many good records are there now. Log id 0 when there is no
    /// log.
    virtual Result<LogView> read_log(const RegionRef& region) = 0;
    /// The last border that has at most `value` records, or payload bytes, before it. ESTALE when it is not
    /// this log any more; ERANGE when there is less in it.
    virtual Result<LogPlace> find_in_log(const RegionRef& region, std::uint64_t log_id, LogMeasure by,
                                         std::uint64_t value) = 0;

    virtual Result<std::optional<Cursor>> cursor(const RegionRef& region, const std::string& name) const = 0;
    virtual Result<std::vector<Cursor>> cursors(const RegionRef& region) const = 0;
    /// Durable on return. EINVAL when it would go back, or be ahead of what is there; ESTALE when another
    /// region or another log was read than is there now. Names as principals'.
    virtual Status advance_cursor(const RegionRef& region, const Cursor& cursor,
                                  const ReadFrom& from = {}) = 0;
    virtual Status drop_cursor(const RegionRef& region, const std::string& name) = 0;

    virtual void set_seal_listener(SealListener listener) = 0;
};

}  // namespace pmemckpt::pool
