#pragma once
// What primaries and backups call, in C++. The C API (pmemckpt.h) is a thin layer over it, and so are the
// programs.
//
// Threads: a Client may be used from many threads; a Writer or Reader from one at a time. Calls block until
// their answer is there; nothing here has a retry of its own. When the connection is lost every call fails at
// once with ECONNRESET (or ETIMEDOUT, ...) and a sentence; connect anew. Unsealed generations of a lost
// connection are gone.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/result.hh"
#include "lib/base/units.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::client {

/// Where to connect, and as whom. Empty fields are taken from the environment, then from defaults.
struct Options {
    std::string server;     ///< HOST[:PORT]; $PMEMCKPT_SERVER, localhost
    std::string pool;       ///< name or UUID; $PMEMCKPT_POOL, the manager's first
    std::string principal;  ///< $PMEMCKPT_PRINCIPAL, the login name of this process's user
    std::string key_dir;    ///< $PMEMCKPT_KEY_DIR, /etc/pmemckpt/keys
    std::string transport;  ///< $PMEMCKPT_TRANSPORT, auto
    unsigned timeout_ms =
        10'000;  ///< to connect and authenticate; also how long a plain request may take beyond its work
};
/// The same with every field filled in.
Options with_defaults(Options options);

struct RegionSettings {
    std::uint32_t keep = 0;      ///< 0: the manager's default, 8
    std::uint64_t max_size = 0;  ///< bytes of a generation; 0: no limit
    std::int64_t keep_age_ns =
        0;  ///< kept as well while younger; 0: age keeps nothing. Set after creation when not 0
};

class Session;   // the connection and its outstanding requests: session.hh
class Transfer;  // operations in flight of one writer or reader: transfer.hh

/// Memory that writes are sent from in place. Register once, use for many writes.
class Buffer {
public:
    virtual ~Buffer() = default;
    virtual std::span<std::byte> bytes() const = 0;
};

/// A generation being written. Not sealed when it goes: it is dropped and nobody ever sees it.
class Writer {
public:
    ~Writer();
    std::uint64_t size() const;
    /// RDMA Write of buffer bytes [from, from + size) to `offset`. Returns when it is queued (waits while too
    /// many are in flight); the bytes must stay as they are until flush() returned. ERANGE outside [0,
    /// size()).
    Status write(std::uint64_t offset, const std::shared_ptr<Buffer>& buffer, std::uint64_t from,
                 std::uint64_t size);
    /// The same from memory not registered before; the bytes must stay as they are until flush() returned.
    /// Both, flush and seal: ESTALE when another session took the region over.
    Status write(std::uint64_t offset, std::span<const std::byte> bytes);
    /// Waits until all writes have left this process: their memory may be changed again. Nothing is durable
    /// yet.
    Status flush();
    /// Flushes, seals the first `length` bytes (size() when not given), returns when the generation is
    /// durable. The checksum of what was meant is compared when the writes, in order, covered [0, length)
    /// without overlap. With `crc32c`, of all [0, length), that one is compared: EBADMSG when it differs, and
    /// nothing is sealed.
    Result<wire::Generation> seal(std::optional<std::uint64_t> length = {},
                                  std::optional<std::uint32_t> crc32c = {});
    /// Drops it; also what the destructor does.
    Status abort();

private:
    friend class Client;
    struct State;
    explicit Writer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// A sealed generation, open: stays readable while this lives, whatever retention drops.
class Reader {
public:
    ~Reader();
    const wire::Generation& generation() const;
    /// RDMA Read of [offset, offset + into.size()), cut at the generation's end; returns how many bytes were
    /// read (0 at the end or beyond). Split into several reads in flight at once. May be called from several
    /// threads.
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into);

private:
    friend class Client;
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Appends records to a region's log: each is written by RDMA and certifies itself; nobody at the manager is
/// asked. One at a time per region. Threads: one at a time.
class Appender {
public:
    ~Appender();
    /// Queues one record of 1 byte to 1 GiB and returns its sequence number. Its bytes are copied when they
    /// are at most 64 KiB; larger ones must stay as they are until flush() returned. ESTALE when fenced, or
    /// when the log was ended by a newer generation or a clear. ENOSPC leaves the log as it was; after other
    /// failures every call fails the same way.
    Result<std::uint64_t> append(std::span<const std::byte> record);
    /// Waits until all records appended are durable.
    Status flush();
    std::uint8_t durability() const;   ///< the method that holds then, as of a generation
    std::uint64_t generation() const;  ///< the one whose log this is; 0: none
    std::uint64_t sequence() const;    ///< of the last record that is in the log or queued

private:
    friend class Client;
    struct State;
    explicit Appender(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct Record {
    std::uint64_t generation = 0;  ///< the one whose log it is in
    std::uint64_t sequence = 0;    ///< from 1
    std::uint64_t epoch = 0;
    std::vector<std::byte> bytes;
};

/// Reads a region's log in order; each record is verified. Threads: one at a time.
class LogReader {
public:
    ~LogReader();
    std::uint64_t generation() const;  ///< the one it follows; 0: none
    std::uint64_t log_id() const;
    /// The next good record; nothing when there is none yet (the manager says how far they go). ESTALE when a
    /// newer generation has ended this log.
    Result<std::optional<Record>> next();
    /// Skips to behind this sequence number. ERANGE when the log is not that long.
    Status skip_to(std::uint64_t sequence);
    /// Payload bytes of all records before the next one.
    std::uint64_t payload_offset() const;
    /// Goes to a record that begins at or before this payload offset: to the last such one, unless the log
    /// has ended. ERANGE when the log is not that long.
    Status seek(std::uint64_t payload_offset);

private:
    friend class Client;
    struct State;
    explicit LogReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct Skipped {
    std::uint64_t number = 0;
    std::string why;
};
/// The newest generation that verifies, and those newer ones that don't.
struct Recovered {
    std::unique_ptr<Reader> reader;
    std::vector<Skipped> skipped;
};

/// What read_all and follow hand out, in order: a generation, then the records of its log.
struct Item {
    std::shared_ptr<Reader> generation;  ///< or
    std::optional<Record> record;
};
/// false: stop here. What it has returned true for counts as read.
using Sink = std::function<Result<bool>(const Item&)>;

/// What was read when a cursor moves; 0: whatever is there now.
struct ReadFrom {
    std::uint64_t region_id = 0;
    std::uint64_t log_id = 0;
};

struct FollowOptions {
    std::string cursor;           ///< whose unread portion; empty: all there is, and nothing is remembered
    bool advance = true;          ///< move the cursor on after each item that the sink took
    std::uint32_t period_ms = 0;  ///< look that often; 0: be told at once
    bool wait = true;             ///< false: return when all is read
};

class Client {
public:
    /// Connects and authenticates both ways. ECONNREFUSED, ETIMEDOUT, ENOENT (no such pool, no key file),
    /// EKEYREJECTED (the key is not this principal's, or the manager has another pool key than it should),
    /// EPROTONOSUPPORT.
    static Result<std::shared_ptr<Client>> connect(const Options& options);
    ~Client();

    const wire::Welcome& welcome() const;
    const wire::Uuid& pool_uuid() const;
    const Options& options() const;
    /// What carries the connection: "iwarp" or "verbs".
    const char* engine() const;
    /// ok while the connection stands, else why it ended.
    Status state() const;
    /// Ends the connection in an orderly way: what waits on it, in any thread, fails at once with ESHUTDOWN,
    /// and so do all later calls. Takes at most a few seconds when the manager does not answer.
    void shut_down();

    Result<wire::Region> create_region(const std::string& name, RegionSettings settings, bool exclusive);
    Result<wire::Region> find_region(const std::string& name);
    Status destroy_region(const std::string& name);
    Result<std::vector<wire::Region>> regions();
    /// The oldest ones, when there are more than `most`.
    Result<std::vector<wire::Generation>> generations(const std::string& region, std::size_t most = SIZE_MAX);
    /// number 0: the newest. ENOENT, ENODATA when the region has none.
    Result<wire::Generation> find_generation(const std::string& region, std::uint64_t number = 0);
    Result<wire::PoolStatus> status();

    Result<std::shared_ptr<Buffer>> register_memory(std::span<std::byte> bytes);
    /// A draft of `size` bytes, all zero. EFBIG, ENOSPC, ENOENT.
    Result<std::unique_ptr<Writer>> begin(const std::string& region, std::uint64_t size);
    Result<std::unique_ptr<Reader>> open(const std::string& region, std::uint64_t number = 0);
    /// Waits for a generation above `after`; returns the newest. ETIMEDOUT after timeout_ms (UINT32_MAX:
    /// waits on).
    Result<wire::Generation> wait_generation(const std::string& region, std::uint64_t after,
                                             std::uint32_t timeout_ms);

    /// A draft that starts as generation `base` (0: the newest); only the dirty ranges are written, ERANGE
    /// elsewhere.
    Result<std::unique_ptr<Writer>> begin_clone(const std::string& region, std::uint64_t size,
                                                std::span<const Extent> dirty, std::uint64_t base = 0);
    Result<wire::Region> set_retention(const std::string& region, std::uint32_t keep,
                                       std::int64_t keep_age_ns);
    Status pin(const std::string& region, std::uint64_t number, bool pinned);
    Status clear(const std::string& region);

    /// EBUSY while another session has it open for append.
    Result<std::unique_ptr<Appender>> open_log(const std::string& region);
    /// ENODATA when the region has no log.
    Result<std::unique_ptr<LogReader>> read_log(const std::string& region);
    /// Its newest generation and its log, as they are now; log_id 0: no log.
    Result<wire::LogState> log_state(const std::string& region);
    /// Payload bytes of the first `records` records of this log. ESTALE when it has ended; ERANGE.
    Result<std::uint64_t> payload_before(const std::string& region, std::uint64_t log_id,
                                         std::uint64_t records);
    Result<wire::LogState> wait_log(const std::string& region, const wire::LogState& after,
                                    std::uint32_t timeout_ms);

    Result<wire::Cursor> cursor(const std::string& region, const std::string& name);
    Result<std::vector<wire::Cursor>> cursors(const std::string& region);
    /// ESTALE when another region, or another log, was read than is there now.
    Status advance_cursor(const std::string& region, const wire::Cursor& cursor, const ReadFrom& from = {});
    Status drop_cursor(const std::string& region, const std::string& name);

    /// Adds to what a principal or a group may do with the region, or takes from it (lib/base/rights);
    /// returns what that is then. On return of withdraw() nothing is read or written any more by what was
    /// withdrawn. EACCES without the right to administer.
    Result<wire::Grant> grant(const std::string& region, const wire::Grant& more);
    Result<wire::Grant> withdraw(const std::string& region, const wire::Grant& less);
    /// All of them, for who administers the region; for others their own.
    Result<wire::RightsList> rights(const std::string& region);
    /// By its owner, to a principal who has a key. The former owner keeps what he was granted.
    Result<wire::Region> set_owner(const std::string& region, const std::string& owner);

    /// Fences whoever wrote to the region: see pmemckpt(7), TAKEOVER. Durable on return.
    Result<wire::TakenOver> take_over(const std::string& region, const std::string& cursor = {});
    Result<wire::EventList> watch(const std::string& region, std::uint64_t after, std::uint32_t timeout_ms);

    /// The restart ladder: newest, verify, next older ... EBADMSG when none verifies (the message names
    /// each).
    Result<Recovered> recover(const std::string& region);
    /// All kept generations, oldest first, then the newest one's log.
    Status read_all(const std::string& region, const Sink& sink);
    /// What `options.cursor` has not read yet, and then what comes, until the sink stops it.
    Status follow(const std::string& region, const FollowOptions& options, const Sink& sink);

private:
    explicit Client(std::shared_ptr<Session> session);
    std::shared_ptr<Session> session_;
};

}  // namespace pmemckpt::client
