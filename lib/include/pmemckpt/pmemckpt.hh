// pmemckpt for C++17 and later: owners for the handles of pmemckpt.h, and exceptions for its errors. Header
// only, over the C API alone. See pmemckpt(3).
#ifndef PMEMCKPT_HH
#define PMEMCKPT_HH

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "pmemckpt.h"

namespace pmemckpt::api {

using Generation = pmemckpt_generation;
using Range = pmemckpt_range;
using Record = pmemckpt_record;
using Cursor = pmemckpt_cursor;
using Takeover = pmemckpt_takeover;
using Event = pmemckpt_event;

/// code() is the errno value, what() the sentence.
class Error : public std::system_error {
public:
    Error(int code, const char* sentence)
        : std::system_error(code, std::generic_category(), sentence), sentence_(sentence) {}
    const char* what() const noexcept override { return sentence_.c_str(); }
    /// The manager can't be reached, or the connection was lost: connect again, perhaps later.
    bool is_connection() const noexcept {
        switch (code().value()) {
            case ECONNREFUSED:
            case ECONNRESET:
            case ECONNABORTED:
            case ENOTCONN:
            case EPIPE:
            case ETIMEDOUT:
            case EHOSTUNREACH:
            case ENETUNREACH:
            case EADDRNOTAVAIL:
            case ESHUTDOWN: return true;
            default: return false;
        }
    }

private:
    std::string sentence_;
};

namespace detail {
inline void check(std::int64_t status) {
    if (status < 0)
        throw Error(static_cast<int>(-status), pmemckpt_error());
}
struct Free {
    void operator()(pmemckpt_client* client) const noexcept { pmemckpt_disconnect(client); }
    void operator()(pmemckpt_buffer* buffer) const noexcept { pmemckpt_unregister(buffer); }
    void operator()(pmemckpt_writer* writer) const noexcept { pmemckpt_abort(writer); }
    void operator()(pmemckpt_reader* reader) const noexcept { pmemckpt_close(reader); }
    void operator()(pmemckpt_appender* appender) const noexcept { pmemckpt_close_log(appender); }
    void operator()(pmemckpt_log* log) const noexcept { pmemckpt_close_log_reader(log); }
    void operator()(pmemckpt_tracker* tracker) const noexcept { pmemckpt_untrack(tracker); }
    void operator()(pmemckpt_range* ranges) const noexcept { pmemckpt_free_ranges(ranges); }
};
template <class Handle>
using Owned = std::unique_ptr<Handle, Free>;
struct SinkCall;
}  // namespace detail

/// Memory that writes are sent from in place. Its destructor waits until no write uses it.
class Buffer {
public:
    pmemckpt_buffer* handle() const noexcept { return handle_.get(); }

private:
    friend class Client;
    explicit Buffer(pmemckpt_buffer* handle) : handle_(handle) {}
    detail::Owned<pmemckpt_buffer> handle_;
};

/// A generation being written. Its destructor drops it, unless it was sealed.
class Writer {
public:
    /// Asynchronous: the bytes must not change before flush() or seal() returned.
    void write(std::uint64_t offset, const void* bytes, std::size_t size) {
        detail::check(pmemckpt_write(handle_.get(), offset, bytes, size));
    }
    void write(std::uint64_t offset, const Buffer& buffer, std::size_t from, std::size_t size) {
        detail::check(pmemckpt_write_buffer(handle_.get(), offset, buffer.handle(), from, size));
    }
    void flush() { detail::check(pmemckpt_flush(handle_.get())); }
    /// All of it, or the first `length` bytes. On return it is durable. The writer is of no use after it.
    Generation seal() { return seal(size_); }
    Generation seal(std::uint64_t length) {
        Generation generation;
        detail::check(pmemckpt_seal(handle_.release(), length, &generation));
        return generation;
    }
    std::uint64_t size() const noexcept { return size_; }

private:
    friend class Client;
    Writer(pmemckpt_writer* handle, std::uint64_t size) : handle_(handle), size_(size) {}
    detail::Owned<pmemckpt_writer> handle_;
    std::uint64_t size_;
};

/// A sealed generation, open: stays readable while this lives.
class Reader {
public:
    Generation generation() const {
        Generation generation;
        pmemckpt_generation_of(handle_.get(), &generation);
        return generation;
    }
    /// How many bytes were read: fewer than `size` only at the end. From any thread.
    std::size_t read(std::uint64_t offset, void* into, std::size_t size) const {
        const std::int64_t done = pmemckpt_read(handle_.get(), offset, into, size);
        detail::check(done);
        return static_cast<std::size_t>(done);
    }

private:
    friend class Client;
    friend struct detail::SinkCall;
    explicit Reader(pmemckpt_reader* handle) : handle_(handle) {}
    detail::Owned<pmemckpt_reader> handle_;
};

/// Appends records to a region's log. Its destructor sends what is queued; only flush() says that it is
/// durable.
class Appender {
public:
    /// Its sequence number. More than 64 KiB must not change before flush() returned.
    std::uint64_t append(const void* bytes, std::size_t size) {
        std::uint64_t sequence = 0;
        detail::check(pmemckpt_append(handle_.get(), bytes, size, &sequence));
        return sequence;
    }
    void flush() { detail::check(pmemckpt_flush_log(handle_.get())); }
    /// The method by which records are durable then.
    pmemckpt_durability durability() const {
        return static_cast<pmemckpt_durability>(pmemckpt_log_durability(handle_.get()));
    }

private:
    friend class Client;
    explicit Appender(pmemckpt_appender* handle) : handle_(handle) {}
    detail::Owned<pmemckpt_appender> handle_;
};

/// A region's log, read in order.
class Log {
public:
    /// Nothing when there is none yet; ESTALE is thrown when the log has ended. Its bytes are there until the
    /// next call.
    std::optional<Record> next() {
        Record record;
        const int found = pmemckpt_next_record(handle_.get(), &record);
        detail::check(found);
        return found == 1 ? std::optional<Record>(record) : std::nullopt;
    }
    void skip_to(std::uint64_t sequence) { detail::check(pmemckpt_skip_records(handle_.get(), sequence)); }

private:
    friend class Client;
    explicit Log(pmemckpt_log* handle) : handle_(handle) {}
    detail::Owned<pmemckpt_log> handle_;
};

/// Finds what was written to memory, page by page.
class DirtyTracker {
public:
    DirtyTracker(const void* memory, std::size_t size, const char* method = nullptr) {
        pmemckpt_tracker* tracker = nullptr;
        detail::check(pmemckpt_track(memory, size, method, &tracker));
        handle_.reset(tracker);
    }
    const char* method() const noexcept { return pmemckpt_tracking_method(handle_.get()); }
    /// Written since the last call; the first time: all.
    std::vector<Range> collect() {
        Range* ranges = nullptr;
        std::size_t count = 0;
        detail::check(pmemckpt_dirty(handle_.get(), &ranges, &count));
        const detail::Owned<pmemckpt_range> owner(ranges);
        return std::vector<Range>(ranges, ranges + count);
    }
    void mark(const std::vector<Range>& ranges) {
        detail::check(pmemckpt_mark_dirty(handle_.get(), ranges.data(), ranges.size()));
    }

private:
    detail::Owned<pmemckpt_tracker> handle_;
};

/// What follow and read_all hand out: either a generation, open, or a record of the log behind it. Both are
/// there during the call alone.
struct Item {
    const Reader* generation = nullptr;
    const Record* record = nullptr;
};
/// True: go on. False: stop; this item does not count as read. What it throws comes out of follow or
/// read_all, and the item does not count as read.
using Sink = std::function<bool(const Item&)>;

struct FollowOptions {
    std::string cursor;           ///< what it has not read yet, and it moves on after each item; empty: all
    bool keep_cursor = false;     ///< it does not move
    std::uint32_t period_ms = 0;  ///< look that often; 0: be told at once
    bool return_at_end = false;   ///< return when all is read, and don't wait for more
};

namespace detail {
/// A sink on its way through the C API: no exception crosses that.
struct SinkCall {
    const Sink& sink;
    std::exception_ptr thrown;

    static int run(void* context, pmemckpt_reader* generation, const pmemckpt_record* record) noexcept {
        auto& call = *static_cast<SinkCall*>(context);
        Reader reader(generation);
        int go_on = 0;
        try {
            go_on = call.sink(Item{generation ? &reader : nullptr, record}) ? 1 : 0;
        } catch (...) {
            call.thrown = std::current_exception();
            go_on = -ECANCELED;
        }
        static_cast<void>(reader.handle_.release());  // it was only lent
        return go_on;
    }
    void finish(int status) const {
        if (thrown)
            std::rethrow_exception(thrown);
        check(status);
    }
};
}  // namespace detail

/// Empty and 0: the environment's value, then the default.
struct Options {
    std::string server, pool, principal, key_dir, transport;
    std::uint32_t timeout_ms = 0;
};

/// One connection to a manager. From any thread.
class Client {
public:
    explicit Client(const Options& options = {}) {
        pmemckpt_options given = {};
        given.server = options.server.c_str();
        given.pool = options.pool.c_str();
        given.principal = options.principal.c_str();
        given.key_dir = options.key_dir.c_str();
        given.transport = options.transport.c_str();
        given.timeout_ms = options.timeout_ms;
        pmemckpt_client* handle = nullptr;
        detail::check(pmemckpt_connect(&given, &handle));
        handle_.reset(handle);
    }

    /// From any thread: what waits on this connection in other threads throws ESHUTDOWN at once, and so does
    /// all that comes later. The connection ends in an orderly way.
    void shut_down() noexcept { static_cast<void>(pmemckpt_shut_down(handle_.get())); }

    /// Made when it is missing. keep 0: 8 generations; max_size 0: no limit.
    void open_region(const std::string& region, std::uint32_t keep = 0, std::uint64_t max_size = 0) {
        detail::check(pmemckpt_open_region(handle_.get(), region.c_str(), keep, max_size));
    }
    void destroy_region(const std::string& region) {
        detail::check(pmemckpt_destroy_region(handle_.get(), region.c_str()));
    }
    std::vector<std::string> regions() {
        char** names = nullptr;
        std::size_t count = 0;
        detail::check(pmemckpt_list_regions(handle_.get(), &names, &count));
        const auto free_names = [&count](char** list) { pmemckpt_free_names(list, count); };
        const std::unique_ptr<char*, decltype(free_names)> owner(names, free_names);
        return std::vector<std::string>(names, names + count);
    }
    /// Oldest first.
    std::vector<Generation> generations(const std::string& region) {
        std::vector<Generation> list(16);
        for (;;) {
            std::size_t count = 0;
            detail::check(
                pmemckpt_list_generations(handle_.get(), region.c_str(), list.data(), list.size(), &count));
            const bool all = count <= list.size();
            list.resize(count);
            if (all)
                return list;
        }
    }

    Buffer register_memory(void* memory, std::size_t size) {
        pmemckpt_buffer* buffer = nullptr;
        detail::check(pmemckpt_register(handle_.get(), memory, size, &buffer));
        return Buffer(buffer);
    }
    /// A new generation of `size` bytes, all zero, seen by nobody before it is sealed.
    Writer begin(const std::string& region, std::uint64_t size) {
        pmemckpt_writer* writer = nullptr;
        detail::check(pmemckpt_begin(handle_.get(), region.c_str(), size, &writer));
        return Writer(writer, size);
    }
    /// number 0: the newest.
    Reader open(const std::string& region, std::uint64_t number = 0) {
        pmemckpt_reader* reader = nullptr;
        detail::check(pmemckpt_open(handle_.get(), region.c_str(), number, &reader));
        return Reader(reader);
    }
    /// The newest generation, if the region has one.
    std::optional<Reader> open_newest(const std::string& region) {
        pmemckpt_reader* reader = nullptr;
        const int status = pmemckpt_open(handle_.get(), region.c_str(), 0, &reader);
        if (status == -ENODATA)
            return std::nullopt;
        detail::check(status);
        return Reader(reader);
    }
    /// Starts as `base` (0: the newest); only the dirty ranges can be written.
    Writer begin_clone(const std::string& region, std::uint64_t size, const std::vector<Range>& dirty,
                       std::uint64_t base = 0) {
        pmemckpt_writer* writer = nullptr;
        detail::check(pmemckpt_begin_clone(handle_.get(), region.c_str(), size, dirty.data(), dirty.size(),
                                           base, &writer));
        return Writer(writer, size);
    }
    void set_retention(const std::string& region, std::uint32_t keep, std::int64_t keep_age_ns) {
        detail::check(pmemckpt_set_retention(handle_.get(), region.c_str(), keep, keep_age_ns));
    }
    void pin(const std::string& region, std::uint64_t number, bool pinned = true) {
        detail::check(pmemckpt_pin(handle_.get(), region.c_str(), number, pinned ? 1 : 0));
    }
    void clear(const std::string& region) { detail::check(pmemckpt_clear(handle_.get(), region.c_str())); }

    /// `who`: a principal, or "%" and the name of a group; `rights`: of pmemckpt_right, together.
    void grant(const std::string& region, const std::string& who, std::uint32_t rights) {
        detail::check(pmemckpt_grant_rights(handle_.get(), region.c_str(), who.c_str(), rights));
    }
    /// On return nothing is read or written any more by what was taken.
    void revoke(const std::string& region, const std::string& who, std::uint32_t rights) {
        detail::check(pmemckpt_revoke_rights(handle_.get(), region.c_str(), who.c_str(), rights));
    }
    void set_owner(const std::string& region, const std::string& owner) {
        detail::check(pmemckpt_set_owner(handle_.get(), region.c_str(), owner.c_str()));
    }

    Appender open_log(const std::string& region) {
        pmemckpt_appender* appender = nullptr;
        detail::check(pmemckpt_open_log(handle_.get(), region.c_str(), &appender));
        return Appender(appender);
    }
    Log read_log(const std::string& region) {
        pmemckpt_log* log = nullptr;
        detail::check(pmemckpt_read_log(handle_.get(), region.c_str(), &log));
        return Log(log);
    }
    Cursor cursor(const std::string& region, const std::string& name) {
        Cursor cursor;
        detail::check(pmemckpt_get_cursor(handle_.get(), region.c_str(), name.c_str(), &cursor));
        return cursor;
    }
    void advance_cursor(const std::string& region, const Cursor& cursor) {
        detail::check(pmemckpt_advance_cursor(handle_.get(), region.c_str(), &cursor));
    }
    void drop_cursor(const std::string& region, const std::string& name) {
        detail::check(pmemckpt_drop_cursor(handle_.get(), region.c_str(), name.c_str()));
    }
    std::vector<Cursor> cursors(const std::string& region) {
        std::vector<Cursor> list(16);
        for (;;) {
            std::size_t count = 0;
            detail::check(
                pmemckpt_list_cursors(handle_.get(), region.c_str(), list.data(), list.size(), &count));
            const bool all = count <= list.size();
            list.resize(count);
            if (all)
                return list;
        }
    }
    /// All kept generations, oldest first, then the log of the newest.
    void read_all(const std::string& region, const Sink& sink) {
        detail::SinkCall call{sink, nullptr};
        call.finish(pmemckpt_read_all(handle_.get(), region.c_str(), detail::SinkCall::run, &call));
    }
    /// What the cursor has not read yet, then what comes, until the sink stops it or shut_down() is called.
    void follow(const std::string& region, const FollowOptions& options, const Sink& sink) {
        pmemckpt_follow_options given = {};
        given.cursor = options.cursor.empty() ? nullptr : options.cursor.c_str();
        given.keep_cursor = options.keep_cursor ? 1 : 0;
        given.period_ms = options.period_ms;
        given.return_at_end = options.return_at_end ? 1 : 0;
        detail::SinkCall call{sink, nullptr};
        call.finish(pmemckpt_follow(handle_.get(), region.c_str(), &given, detail::SinkCall::run, &call));
    }
    /// Waits for events above number `after` (its largest value: the next one), at most so many at once:
    /// those behind the last one come with the next call. ETIMEDOUT is thrown after timeout_ms. `lost`: how
    /// many the manager has not any more.
    std::vector<Event> watch(const std::string& region, std::uint64_t after,
                             std::uint32_t timeout_ms = std::numeric_limits<std::uint32_t>::max(),
                             std::uint64_t* lost = nullptr) {
        std::vector<Event> events(kEventsAtOnce);
        std::size_t count = 0;
        detail::check(pmemckpt_watch(handle_.get(), region.c_str(), after, timeout_ms, events.data(),
                                     events.size(), &count, lost));
        events.resize(count);
        return events;
    }
    /// Fences whoever wrote to the region.
    Takeover take_over(const std::string& region, const std::string& cursor = {}) {
        Takeover takeover;
        detail::check(pmemckpt_take_over(handle_.get(), region.c_str(), cursor.c_str(), &takeover));
        return takeover;
    }
    /// The newest generation that verifies; `skipped`: how many newer ones do not.
    Reader recover(const std::string& region, std::size_t* skipped = nullptr) {
        pmemckpt_reader* reader = nullptr;
        detail::check(pmemckpt_recover(handle_.get(), region.c_str(), &reader, skipped));
        return Reader(reader);
    }

    /// Waits for a generation above `after` and returns the newest; ETIMEDOUT is thrown after timeout_ms.
    Generation wait(const std::string& region, std::uint64_t after,
                    std::uint32_t timeout_ms = std::numeric_limits<std::uint32_t>::max()) {
        Generation generation;
        detail::check(pmemckpt_wait(handle_.get(), region.c_str(), after, timeout_ms, &generation));
        return generation;
    }

private:
    static constexpr std::size_t kEventsAtOnce = 64;
    detail::Owned<pmemckpt_client> handle_;
};

}  // namespace pmemckpt::api

#endif
