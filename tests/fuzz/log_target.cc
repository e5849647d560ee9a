// The records of a region's log, on scattered pages, as an appender or a power cut left them: how many are
// good, where places are, what is read out; compared with a plain scan of the same bytes.
//
// input: the region's epoch, the log's term; how many times kPartBytes were there at a first look; the log's
// bytes
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/pool/contents.hh"
#include "lib/wire/codec.hh"
#include "tests/fuzz/input.hh"
#include "tests/fuzz/small_pool.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;
using format::LogRecordHeader;

namespace {

using fuzz::Bytes;

constexpr std::uint64_t kLogId = 0x1234567890abcdef;
constexpr std::size_t kPartBytes = 64, kSettingsBytes = 3;
constexpr std::uint64_t kPages = 12, kPage = format::kMinimumPageSize;

/// A log of three segments.
class Log {
public:
    Log(std::uint64_t epoch, std::uint32_t term) : medium_(kPages * kPage) {
        region_.info.epoch = epoch;
        region_.log.emplace();
        region_.log->id = kLogId;
        region_.log->term = term;
        region_.log->scan = std::make_shared<LogScan>();
        for (const PageExtent extent : {PageExtent{5, 2}, PageExtent{0, 1}, PageExtent{8, 3}})
            region_.log->segments.push_back(std::make_shared<const Pages>(test::ok(store_->claim({extent}))));
        map_.emplace(region_.log->segments, kPage);
    }
    /// The log's bytes from its start on; what does not fit is left out.
    void lay(std::span<const std::byte> bytes) {
        bytes = bytes.first(std::min<std::size_t>(bytes.size(), map_->capacity()));
        for (std::uint64_t at = 0; at < bytes.size();) {
            const auto piece = map_->piece(at, bytes.size() - at);
            std::memcpy(medium_.data() + piece.at.bytes, bytes.data() + at, piece.size.bytes);
            at += piece.size.bytes;
        }
    }
    LogPlace look() { return region_.log->scan->look(medium_, *map_, bounds()); }
    Result<LogPlace> find(const LogPlace& end, LogMeasure by, std::uint64_t value) const {
        return region_.log->scan->find(medium_, *map_, bounds(), end, by, value);
    }
    format::LogBounds bounds() const { return {kLogId, region_.info.epoch, region_.log->term}; }
    std::uint64_t capacity() const { return map_->capacity(); }
    std::span<const std::byte> medium() const { return medium_; }
    const Region& region() const { return region_; }
    const PageStore& store() const { return *store_; }

private:
    const std::shared_ptr<PageStore> store_ = PageStore::make({0, kPage, kPages});
    Bytes medium_;
    Region region_;
    std::optional<LogMap> map_;
};

/// What a plain scan finds.
struct Scanned {
    std::vector<LogPlace> borders{LogPlace{}};
    Bytes payloads;
};

Scanned scan(Bytes bytes, const format::LogBounds& bounds, std::uint64_t capacity) {
    bytes.resize(capacity);
    Scanned found;
    for (;;) {
        const auto& end = found.borders.back();
        const auto left = std::span<const std::byte>(bytes).subspan(end.bytes);
        const auto header = format::claimed_log_record(left, end.last, bounds, left.size());
        if (!header)
            return found;
        const auto payload = left.subspan(format::kLogRecordHeaderBytes, header->length);
        if (format::log_record_crc(*header, payload) != header->crc32c)
            return found;
        found.payloads.insert(found.payloads.end(), payload.begin(), payload.end());
        found.borders.push_back({end.bytes + format::log_record_bytes(payload.size()),
                                 end.payload_bytes + payload.size(),
                                 {header->sequence, header->epoch, header->term}});
    }
}

void check_same(const LogPlace& got, const LogPlace& wanted) {
    test::equal(got.bytes, wanted.bytes);
    test::equal(got.payload_bytes, wanted.payload_bytes);
    test::equal(got.last.sequence, wanted.last.sequence);
    CHECK(got.last.epoch == wanted.last.epoch && got.last.term == wanted.last.term);
}

std::uint64_t measure(const LogPlace& place, LogMeasure by) {
    return by == LogMeasure::records ? place.last.sequence : place.payload_bytes;
}

void check_finding(const Log& log, const Scanned& scanned, LogMeasure by) {
    const auto& end = scanned.borders.back();
    test::error(log.find(end, by, measure(end, by) + 1), ERANGE);
    for (const auto& border : scanned.borders) {
        check_same(test::ok(log.find(end, by, measure(border, by))), border);
        if (&border != &end) {
            const auto next = measure(*(&border + 1), by);
            check_same(test::ok(log.find(end, by, next - 1)), border);
        }
    }
}

void check_reading(const Log& log, const Scanned& scanned) {
    Bytes read;
    const PieceTaker take = [&](std::span<const std::byte> piece) -> Status {
        read.insert(read.end(), piece.begin(), piece.end());
        return {};
    };
    const auto& end = scanned.borders.back();
    const auto contents = test::ok(look_at_log(log.medium(), log.store(), log.region()));
    check_same(contents.end, end);
    CHECK(!contents.later_sequence || (*contents.later_sequence > end.last.sequence &&
                                       contents.later_at >= end.bytes && contents.later_at < log.capacity()));
    test::ok(for_each_payload(log.medium(), log.store(), *log.region().log, end, take));
    CHECK(read == scanned.payloads);
    read.clear();
    const auto later = test::ok(for_each_later_payload(log.medium(), log.store(), *log.region().log,
                                                       {kLogId, log.region().info.epoch, 0}, end, take));
    test::equal(later.payload_bytes, std::uint64_t{read.size()});
    CHECK(!contents.later_sequence || later.count > 0);
}

void run(std::span<const std::byte> input) {
    fuzz::Input settings(input);
    const std::uint64_t epoch = settings.byte();
    const std::uint32_t term = settings.byte();
    const std::size_t first = settings.byte() * kPartBytes;
    const auto bytes = settings.rest();
    Log log(epoch, term);
    log.lay(bytes.first(std::min(first, bytes.size())));
    const auto before = log.look();
    log.lay(bytes);
    const auto scanned = scan({bytes.begin(), bytes.end()}, log.bounds(), log.capacity());
    const auto end = log.look();
    // A record that ends in zeros is whole before they are laid.
    CHECK(before.bytes <= end.bytes);
    check_same(end, scanned.borders.back());
    check_finding(log, scanned, LogMeasure::records);
    check_finding(log, scanned, LogMeasure::payload_bytes);
    check_reading(log, scanned);
}

/// Of what begins as a record, from the start on, the checksum holds; `follows`: and it follows on the one
/// before.
void mend_records(std::span<std::byte> log, bool follows) {
    std::uint64_t sequence = 0;
    for (std::size_t at = 0; at + format::kLogRecordHeaderBytes < log.size();) {
        LogRecordHeader header;
        std::memcpy(&header, log.data() + at, sizeof header);
        const auto room = log.size() - at - sizeof header;
        if (header.magic != format::kLogRecordMagic) {
            at += format::kLogRecordAlignment;
            continue;
        }
        if (follows) {
            header.zero = 0;
            header.log_id = kLogId;
            header.sequence = ++sequence;
        }
        if (header.length < 1 || header.length > room)
            header.length = 1 + header.length % room;
        header.crc32c = format::log_record_crc(header, log.subspan(at + sizeof header, header.length));
        std::memcpy(log.data() + at, &header, sizeof header);
        at += format::log_record_bytes(header.length);
    }
}

void mend(Bytes& input, unsigned seed) {
    if (input.size() > kSettingsBytes)
        mend_records(std::span(input).subspan(kSettingsBytes), seed % 2 == 0);
}

class Script {
public:
    Script& record(std::size_t size, std::uint64_t epoch = 1, std::uint32_t term = 1) {
        LogRecordHeader header;
        header.magic = format::kLogRecordMagic;
        header.log_id = kLogId;
        header.sequence = ++sequence_;
        header.epoch = epoch;
        header.length = size;
        header.term = term;
        header.zero = 0;
        const Bytes payload(size, std::byte{'r'});
        header.crc32c = format::log_record_crc(header, payload);
        log_.append(std::as_bytes(std::span(&header, 1)));
        log_.append(payload);
        while (log_.bytes().size() % format::kLogRecordAlignment != 0)
            log_(std::uint8_t{0});
        return *this;
    }
    /// With the region's epoch 3, the log's term 4, and a first look at so much.
    Bytes bytes(std::uint8_t parts) {
        wire::Encoder input;
        for (const std::uint8_t setting : {std::uint8_t{3}, std::uint8_t{4}, parts})
            input(setting);
        input.append(log_.bytes());
        return input.bytes();
    }

private:
    wire::Encoder log_;
    std::uint64_t sequence_ = 0;
};

std::vector<fuzz::Seed> seeds() {
    auto damaged = Script().record(100).record(200).record(300).bytes(0);
    damaged[200] ^= std::byte{1};
    return {
        {"short", Script().record(1).record(7).record(8).record(90).bytes(2)},
        {"over-pages", Script().record(4000).record(5000).record(3000, 2, 2).bytes(70)},
        {"epochs-and-terms", Script().record(5).record(5, 2, 3).record(5, 3, 4).record(5, 2, 4).bytes(255)},
        {"damaged", damaged}};
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
