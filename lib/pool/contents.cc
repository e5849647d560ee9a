#include "lib/pool/contents.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/crc32c.hh"
#include "lib/media/readable.hh"

namespace pmemckpt::pool {

namespace {

using format::LogRecordHeader;

/// So many bytes of records that do not verify, in multiples of the log's size, are checksummed before the
/// search for a later one gives up.
constexpr std::uint64_t kEffortFactor = 16;

tl::unexpected<Error> cut_off(Extent extent, std::uint64_t medium_bytes) {
    return fail(EBADMSG, "its {} bytes at {} lie beyond the end of the pool's {} bytes", extent.size.bytes,
                extent.at.bytes, medium_bytes);
}

Status check_log_pages(std::span<const std::byte> medium, const PageStore& store, const RegionLog& log) {
    for (const auto& pages : log.segments)
        for (const auto extent : pages->extents()) {
            const auto [at, size] = store.bytes_of(extent);
            if (!fits({at, size}, {medium.size()}))
                return cut_off({at, size}, medium.size());
            TRY(media::check_readable(medium.subspan(at.bytes, size.bytes), at.bytes));
        }
    return {};
}

/// A log as one range of bytes.
class LogBytes {
public:
    LogBytes(std::span<const std::byte> medium, const LogMap& map) : medium_(medium), map_(map) {}
    std::uint64_t size() const { return map_.capacity(); }

    /// [at, at + into.size()) lies in the log.
    void copy(std::uint64_t at, std::span<std::byte> into) const {
        for (std::size_t got = 0; got < into.size();) {
            const auto piece = map_.piece(at + got, into.size() - got);
            std::memcpy(into.data() + got, medium_.data() + piece.at.bytes, piece.size.bytes);
            got += piece.size.bytes;
        }
    }

    Status for_each_piece(std::uint64_t at, std::uint64_t size, const PieceTaker& taker) const {
        while (size > 0) {
            const auto piece = map_.piece(at, std::min(size, kPieceBytes));
            TRY(taker(medium_.subspan(piece.at.bytes, piece.size.bytes)));
            at += piece.size.bytes;
            size -= piece.size.bytes;
        }
        return {};
    }

    /// The first place from `at` on, in steps of the records' alignment, with their magic; size() when there
    /// is none.
    std::uint64_t find_magic(std::uint64_t at) const {
        while (at < size()) {
            const auto piece = map_.piece(at, kPieceBytes);
            for (std::uint64_t in = 0; in < piece.size.bytes; in += format::kLogRecordAlignment) {
                std::uint32_t word;
                std::memcpy(&word, medium_.data() + piece.at.bytes + in, sizeof word);
                if (word == format::kLogRecordMagic)
                    return at + in;
            }
            at += piece.size.bytes;
        }
        return size();
    }

private:
    std::span<const std::byte> medium_;
    const LogMap& map_;
};

bool verifies(const LogBytes& bytes, std::uint64_t at, const LogRecordHeader& header) {
    auto crc = format::log_header_crc(header);
    const auto add = [&](std::span<const std::byte> piece) -> Status {
        crc = crc32c(piece, crc);
        return {};
    };
    require(bytes.for_each_piece(at + format::kLogRecordHeaderBytes, header.length, add).has_value(),
            "a checksum can be had");
    return crc == header.crc32c;
}

/// From the end of a log on, from one later record to the next; it gives up when its effort is spent.
class LaterScan {
public:
    LaterScan(const LogBytes& bytes, const LaterBounds& bounds, std::uint32_t term, const LogPlace& end)
        : bytes_(bytes),
          bounds_(bounds),
          term_(term),
          last_(end.last.sequence),
          at_(end.bytes),
          effort_(kEffortFactor * bytes.size()) {}

    struct Found {
        std::uint64_t at = 0;
        LogRecordHeader header;
    };
    std::optional<Found> next() {
        for (at_ = bytes_.find_magic(at_); fits({{at_}, {format::kLogRecordHeaderBytes}}, {bytes_.size()});
             at_ = bytes_.find_magic(at_ + format::kLogRecordAlignment)) {
            LogRecordHeader header;
            bytes_.copy(at_, std::as_writable_bytes(std::span(&header, 1)));
            if (!may_be_later(header))
                continue;
            if (header.length > effort_)
                return std::nullopt;
            effort_ -= header.length;
            if (verifies(bytes_, at_, header))
                return take(header);
        }
        return std::nullopt;
    }

private:
    bool may_be_later(const LogRecordHeader& header) const {
        return header.zero == 0 && header.log_id == bounds_.log_id && header.term >= bounds_.least_term &&
               header.term <= term_ && header.epoch <= bounds_.epoch && header.sequence > last_ &&
               header.length >= 1 && header.length <= format::kMaximumLogPayload &&
               format::log_record_bytes(header.length) <= bytes_.size() - at_;
    }
    Found take(const LogRecordHeader& header) {
        const Found found{at_, header};
        last_ = header.sequence;
        at_ += format::log_record_bytes(header.length);
        return found;
    }

    const LogBytes& bytes_;
    const LaterBounds bounds_;
    const std::uint32_t term_;
    std::uint64_t last_;
    std::uint64_t at_;
    std::uint64_t effort_;
};

}  // namespace

Status for_each_piece(std::span<const std::byte> medium, const PageStore& store,
                      const KeptGeneration& generation, const PieceTaker& taker) {
    auto left = generation.length;
    for (const auto extent : generation.pages->extents()) {
        auto [at, size] = store.bytes_of(extent);
        size.bytes = std::min(size.bytes, left);
        if (!fits({at, size}, {medium.size()}))
            return cut_off({at, size}, medium.size());
        left -= size.bytes;
        while (size.bytes > 0) {
            const auto here = std::min(size.bytes, kPieceBytes);
            const auto piece = medium.subspan(at.bytes, here);
            TRY(media::check_readable(piece, at.bytes));
            TRY(taker(piece));
            at.bytes += here;
            size.bytes -= here;
        }
    }
    return {};
}

Status check_checksum(const KeptGeneration& generation, std::uint32_t crc32c) {
    if (crc32c == generation.crc32c)
        return {};
    return fail(EBADMSG, "its {} bytes have CRC-32C {:08x}, and {:08x} was sealed", generation.length, crc32c,
                generation.crc32c);
}

Result<LogContents> look_at_log(std::span<const std::byte> medium, const PageStore& store,
                                const Region& region) {
    const auto& log = *region.log;
    TRY(check_log_pages(medium, store, log));
    const LogMap map(log.segments, store.geometry().page_size);
    LogContents contents;
    contents.end = LogScan().look(medium, map, {log.id, region.info.epoch, log.term});
    const LogBytes bytes(medium, map);
    if (const auto later =
            LaterScan(bytes, {log.id, region.info.epoch, log.term}, log.term, contents.end).next()) {
        contents.later_sequence = later->header.sequence;
        contents.later_at = later->at;
    }
    return contents;
}

Status for_each_payload(std::span<const std::byte> medium, const PageStore& store, const RegionLog& log,
                        const LogPlace& end, const PieceTaker& taker) {
    TRY(check_log_pages(medium, store, log));
    const LogMap map(log.segments, store.geometry().page_size);
    const LogBytes bytes(medium, map);
    LogRecordHeader header;
    for (std::uint64_t at = 0; at < end.bytes; at += format::log_record_bytes(header.length)) {
        bytes.copy(at, std::as_writable_bytes(std::span(&header, 1)));
        TRY(bytes.for_each_piece(at + format::kLogRecordHeaderBytes, header.length, taker));
    }
    return {};
}

Result<LaterRecords> for_each_later_payload(std::span<const std::byte> medium, const PageStore& store,
                                            const RegionLog& log, const LaterBounds& bounds,
                                            const LogPlace& end, const PieceTaker& taker) {
    TRY(check_log_pages(medium, store, log));
    const LogMap map(log.segments, store.geometry().page_size);
    const LogBytes bytes(medium, map);
    LaterScan scan(bytes, bounds, log.term, end);
    LaterRecords records;
    while (const auto found = scan.next()) {
        const auto& header = found->header;
        TRY(bytes.for_each_piece(found->at + format::kLogRecordHeaderBytes, header.length, taker));
        records.first = records.count == 0 ? std::uint64_t{header.sequence} : records.first;
        records.last = header.sequence;
        records.payload_bytes += header.length;
        ++records.count;
    }
    return records;
}

std::uint64_t readable_pages(std::span<const std::byte> medium, const PageStore& store,
                             const RegionLog& log) {
    std::uint64_t count = 0;
    for (const auto& pages : log.segments)
        for (const auto offset : pages->offsets()) {
            const Extent page{{offset}, {store.geometry().page_size}};
            if (!fits(page, {medium.size()}) ||
                !media::check_readable(medium.subspan(offset, page.size.bytes), offset))
                return count;
            ++count;
        }
    return count;
}

}  // namespace pmemckpt::pool
