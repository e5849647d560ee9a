#pragma once
// A region's log: its pages, and how far its records have been looked at.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "lib/base/units.hh"
#include "lib/format/log_record.hh"
#include "lib/pool/page_store.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::pool {

using LogPages = std::vector<std::shared_ptr<const Pages>>;  ///< one for each segment

/// Where a log's virtual range lies on the medium. Keeps a reference to the pages.
class LogMap {
public:
    LogMap(const LogPages& segments, std::uint64_t page_size);
    std::uint64_t capacity() const { return capacity_; }
    /// What lies in one piece from `at` (below capacity) on, at most `size` bytes.
    Extent piece(std::uint64_t at, std::uint64_t size) const;
    /// [from, to), in as few pieces as pages allow.
    std::vector<Extent> pieces(std::uint64_t from, std::uint64_t to) const;
    std::vector<LogSegment> segments() const;

private:
    struct Segment {
        std::uint64_t start = 0, end = 0;
        const Pages* pages = nullptr;
    };
    std::uint64_t page_size_;
    std::uint64_t capacity_ = 0;
    std::vector<Segment> segments_;
};

/// How much of a log lies between two places that are remembered.
inline constexpr std::uint64_t kBytesBetweenMarks = kMiB;

/// Threads: all calls from any.
class LogScan {
public:
    LogPlace end() const;
    /// Goes on from where it last ended, to the first record that is not good. Nothing is copied but headers.
    LogPlace look(std::span<const std::byte> medium, const LogMap& map, const format::LogBounds& bounds);
    /// From where the last opening began, whose windows are dead: what its appender may have changed since it
    /// was looked at. That it is durable is to be seen to anew.
    LogPlace look_again(std::span<const std::byte> medium, const LogMap& map,
                        const format::LogBounds& bounds);
    /// An appender's windows begin at the end now; held by who makes them, one at a time.
    void opened();
    std::unique_lock<std::mutex> lock_opening() { return std::unique_lock(opening_); }
    /// The last border up to `end`, which was looked at, with at most `value` of `by` before it. ERANGE.
    Result<LogPlace> find(std::span<const std::byte> medium, const LogMap& map,
                          const format::LogBounds& bounds, const LogPlace& end, LogMeasure by,
                          std::uint64_t value) const;

    /// Bytes from the log's start that are known to be durable.
    std::uint64_t durable() const;
    void set_durable(std::uint64_t bytes);

private:
    /// Where each record ends, from `from` on, and the end of the last one.
    static LogPlace scan(std::span<const std::byte> medium, const LogMap& map,
                         const format::LogBounds& bounds, LogPlace from,
                         const std::function<void(const LogPlace&)>& found);
    static void mark(std::vector<LogPlace>& marks, const LogPlace& place);

    std::mutex opening_;       ///< taken first
    std::mutex looking_;       ///< one looks at a time; taken under no other lock but opening_
    mutable std::mutex lock_;  ///< a leaf; guards what follows
    LogPlace end_;
    LogPlace opened_;              // where end_ was at the last opening
    std::vector<LogPlace> marks_;  // on the way to end_, kBytesBetweenMarks or one record apart
    std::uint64_t durable_ = 0;
};

/// Copied to be looked at without the tables' lock.
struct RegionLog {
    std::uint64_t id = 0;
    std::uint32_t term = 0;
    LogPages segments;
    std::shared_ptr<LogScan> scan;

    /// As far as it was looked at.
    LogInfo info() const;
};

}  // namespace pmemckpt::pool
