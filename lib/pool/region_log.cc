#include "lib/pool/region_log.hh"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "lib/base/memory_fault.hh"

namespace pmemckpt::pool {

namespace {

using format::LogRecordHeader;

/// Of bytes that may be written at this moment, by who appends: each word is read once, and what a
/// half-written record gives does not verify. So it is no race, whatever ThreadSanitizer thinks.
__attribute__((no_sanitize("thread"))) void copy_words(std::byte* to, const std::byte* from,
                                                       std::size_t size) {
    const auto* words = reinterpret_cast<const volatile std::uint64_t*>(from);
    for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
        const std::uint64_t word = words[at / sizeof(std::uint64_t)];
        __builtin_memcpy(to + at, &word, sizeof word);
    }
}

/// The next record's header, when it may be one: it may lie in two segments or pages. What can't be read is
/// none, so a log ends where its medium does.
std::optional<LogRecordHeader> header_at(std::span<const std::byte> medium, const LogMap& map,
                                         const LogPlace& end, const format::LogBounds& bounds) {
    // Somebody else may have looked at more of the log than this map has.
    const auto room = map.capacity() - std::min(end.bytes, map.capacity());
    if (room < format::kLogRecordHeaderBytes)
        return std::nullopt;
    alignas(std::uint64_t) std::byte bytes[format::kLogRecordHeaderBytes];
    for (std::size_t got = 0; got < sizeof bytes;) {
        const auto piece = map.piece(end.bytes + got, sizeof bytes - got);
        if (try_touch([&] { copy_words(bytes + got, medium.data() + piece.at.bytes, piece.size.bytes); }))
            return std::nullopt;
        got += piece.size.bytes;
    }
    return format::claimed_log_record(bytes, end.last, bounds, room);
}

bool verifies(std::span<const std::byte> medium, const LogMap& map, std::uint64_t at,
              const LogRecordHeader& header) {
    auto crc = format::log_header_crc(header);
    at += format::kLogRecordHeaderBytes;
    for (std::uint64_t left = header.length; left > 0;) {
        const auto piece = map.piece(at, left);
        const auto sum = crc32c_if_readable(medium.subspan(piece.at.bytes, piece.size.bytes), crc);
        if (!sum)
            return false;
        crc = *sum;
        at += piece.size.bytes;
        left -= piece.size.bytes;
    }
    return crc == header.crc32c;
}

LogPlace behind(const LogPlace& before, const LogRecordHeader& header) {
    return {before.bytes + format::log_record_bytes(header.length),
            before.payload_bytes + header.length,
            {header.sequence, header.epoch, header.term}};
}

std::uint64_t measure(const LogPlace& place, LogMeasure by) {
    return by == LogMeasure::records ? place.last.sequence : place.payload_bytes;
}

}  // namespace

LogMap::LogMap(const LogPages& segments, std::uint64_t page_size) : page_size_(page_size) {
    segments_.reserve(segments.size());
    for (const auto& pages : segments) {
        const auto start = capacity_;
        capacity_ += pages->count() * page_size;
        segments_.push_back({start, capacity_, pages.get()});
    }
}

Extent LogMap::piece(std::uint64_t at, std::uint64_t size) const {
    require(at < capacity_, "a place in a log lies within its pages");
    const auto segment =
        std::upper_bound(segments_.begin(), segments_.end(), at,
                         [](std::uint64_t place, const Segment& s) { return place < s.end; });
    const auto within = at - segment->start;
    const auto in_page = within % page_size_;
    return {{segment->pages->offsets()[within / page_size_] + in_page},
            {std::min(size, page_size_ - in_page)}};
}

std::vector<Extent> LogMap::pieces(std::uint64_t from, std::uint64_t to) const {
    std::vector<Extent> found;
    while (from < to) {
        const auto next = piece(from, to - from);
        from += next.size.bytes;
        if (!found.empty() && found.back().at.bytes + found.back().size.bytes == next.at.bytes)
            found.back().size.bytes += next.size.bytes;
        else
            found.push_back(next);
    }
    return found;
}

std::vector<LogSegment> LogMap::segments() const {
    std::vector<LogSegment> found;
    found.reserve(segments_.size());
    for (const auto& segment : segments_)
        found.push_back({segment.start, segment.end - segment.start, segment.pages->offsets()});
    return found;
}

LogPlace LogScan::end() const {
    const std::lock_guard lock(lock_);
    return end_;
}

LogPlace LogScan::scan(std::span<const std::byte> medium, const LogMap& map, const format::LogBounds& bounds,
                       LogPlace from, const std::function<void(const LogPlace&)>& found) {
    while (const auto header = header_at(medium, map, from, bounds)) {
        if (!verifies(medium, map, from.bytes, *header))
            break;
        from = behind(from, *header);
        found(from);
    }
    return from;
}

void LogScan::mark(std::vector<LogPlace>& marks, const LogPlace& place) {
    if (place.bytes - (marks.empty() ? 0 : marks.back().bytes) >= kBytesBetweenMarks)
        marks.push_back(place);
}

LogPlace LogScan::look(std::span<const std::byte> medium, const LogMap& map,
                       const format::LogBounds& bounds) {
    const std::lock_guard looking(looking_);
    return scan(medium, map, bounds, end(), [this](const LogPlace& place) {
        const std::lock_guard lock(lock_);
        end_ = place;
        mark(marks_, place);
    });
}

/// Who asks meanwhile is told the old end: the log does not seem to be shorter for a moment.
LogPlace LogScan::look_again(std::span<const std::byte> medium, const LogMap& map,
                             const format::LogBounds& bounds) {
    const std::lock_guard looking(looking_);
    LogPlace from;
    std::vector<LogPlace> marks;
    {
        const std::lock_guard lock(lock_);
        from = opened_;
        marks = marks_;
    }
    std::erase_if(marks, [&](const LogPlace& place) { return place.bytes > from.bytes; });
    const auto end = scan(medium, map, bounds, from, [&](const LogPlace& place) { mark(marks, place); });
    const std::lock_guard lock(lock_);
    end_ = end;
    marks_ = std::move(marks);
    durable_ = std::min(durable_, from.bytes);
    return end;
}

void LogScan::opened() {
    const std::lock_guard lock(lock_);
    opened_ = end_;
}

/// From the mark before it on, by the headers alone: what lies before `end` was verified.
Result<LogPlace> LogScan::find(std::span<const std::byte> medium, const LogMap& map,
                               const format::LogBounds& bounds, const LogPlace& end, LogMeasure by,
                               std::uint64_t value) const {
    if (value > measure(end, by))
        return fail(ERANGE, "the log has {} records of {} bytes, not {} {}", end.last.sequence,
                    end.payload_bytes, value, by == LogMeasure::records ? "records" : "bytes");
    LogPlace place;
    {
        const std::lock_guard lock(lock_);
        const auto next = std::upper_bound(
            marks_.begin(), marks_.end(), value,
            [by](std::uint64_t wanted, const LogPlace& mark) { return wanted < measure(mark, by); });
        if (next != marks_.begin())
            place = *std::prev(next);
    }
    while (place.bytes < end.bytes) {
        const auto header = header_at(medium, map, place, bounds);
        if (!header)
            return fail(EBADMSG, "record {} of the log was good when it was looked at, and is not any more",
                        place.last.sequence + 1);
        const auto next = behind(place, *header);
        if (next.bytes > end.bytes)
            return fail(EBADMSG, "record {} of the log reaches beyond the last good one",
                        std::uint64_t{header->sequence});
        if (measure(next, by) > value)
            break;
        place = next;
    }
    return place;
}

std::uint64_t LogScan::durable() const {
    const std::lock_guard lock(lock_);
    return durable_;
}

void LogScan::set_durable(std::uint64_t bytes) {
    const std::lock_guard lock(lock_);
    durable_ = std::max(durable_, bytes);
}

LogInfo RegionLog::info() const {
    LogInfo info;
    info.id = id;
    info.term = term;
    for (const auto& pages : segments)
        info.capacity += pages->bytes();
    const auto end = scan->end();
    info.bytes = end.bytes;
    info.records = end.last.sequence;
    info.payload_bytes = end.payload_bytes;
    return info;
}

}  // namespace pmemckpt::pool
