// A log, read one-sided: records certify themselves. The manager is asked only when the records known here
// end.
#include "lib/client/log_reader.hh"

#include <algorithm>
#include <cerrno>

#include "lib/client/answers.hh"

namespace pmemckpt::client {

Result<wire::LogOpened> ask_for_log(Session& session, const std::string& region) {
    wire::ReadLog request;
    request.region = region;
    return session.call<wire::LogOpened>(request, session.look_limit());
}

Result<wire::LogPlace> ask_for_place(Session& session, const std::string& region, std::uint64_t log_id,
                                     LogMeasure by, std::uint64_t value) {
    wire::FindInLog request;
    request.region = region;
    request.log_id = log_id;
    request.by = static_cast<std::uint8_t>(by);
    request.value = value;
    const auto place = session.call<wire::LogPlace>(request, session.look_limit());
    if (!place)
        return place;
    const auto found = by == LogMeasure::records ? place->sequence : place->payload_bytes;
    if (place->bytes % format::kLogRecordAlignment != 0 || place->payload_bytes > place->bytes ||
        found > value || (place->bytes == 0) != (place->sequence == 0))
        return tl::unexpected(session.distrust(
            {EPROTO, fmt::format("the manager was asked for place {} in log {:#x}, and says that record {} "
                                 "ends at {}, with {} bytes of payload before it",
                                 value, log_id, place->sequence, place->bytes, place->payload_bytes)}));
    return place;
}

namespace {

/// The manager has another log of this region now, or none.
bool has_ended(const Error& error) {
    return error.code == ESTALE || error.code == ENODATA || error.code == ENOENT;
}

}  // namespace

LogReader::State::State(std::shared_ptr<Session> the_session, std::string the_region)
    : session(std::move(the_session)), region(std::move(the_region)) {}

LogReader::State::~State() {
    close(opened.handle);
}

void LogReader::State::close(std::uint64_t handle) {
    wire::CloseGeneration request;
    request.handle = handle;
    if (session->exchange().state())
        static_cast<void>(session->call<wire::Empty>(request, kFarewellLimit, WhenLate::forget));
}

Status LogReader::State::adopt(wire::LogOpened fresh) {
    auto range = LogRange::of(std::move(fresh.segments));
    Status good;
    if (!range)
        good = tl::unexpected(range.error());
    else if (fresh.log_id == 0 || range->start() != 0 || fresh.bytes > range->end())
        good = fail(EPROTO, "the manager opened log {:#x} with {} bytes of records in [{}, {})", fresh.log_id,
                    fresh.bytes, range->start(), range->end());
    if (!good)
        return tl::unexpected(session->distrust(good.error()));
    opened = std::move(fresh);
    opened.segments.clear();
    range_ = std::move(*range);
    settled_ = opened.bytes;
    return {};
}

Status LogReader::State::read(std::uint64_t at, std::span<std::byte> into) {
    const auto registration = TRY(session->exchange().register_memory(into));
    Transfer transfer(session, kReadsInFlight);
    TRY(range_.read(transfer, registration, {{0}, {into.size()}}, at));
    return transfer.drain();
}

/// Bytes of the log from at_ on: at least a header, when there is a record. Only what can't change any more
/// is read: the responder sends from the very memory that an appender writes to, and bytes that change on
/// their way break the connection's CRC. So not the last record's padding either, which may arrive after it
/// was found good.
Result<std::span<const std::byte>> LogReader::State::fetch() {
    if (settled_ < at_ || settled_ - at_ < format::log_record_bytes(1))
        return std::span<const std::byte>();
    const auto left = settled_ - at_;
    const auto within = at_ >= chunk_at_ ? at_ - chunk_at_ : chunk_.size();
    if (within < chunk_.size() && chunk_.size() - within >= format::kLogRecordHeaderBytes)
        return std::span<const std::byte>(chunk_).subspan(within);
    constexpr std::uint64_t kMostPadding = format::kLogRecordAlignment - 1;
    std::vector<std::byte> chunk(std::min<std::uint64_t>(left - kMostPadding, kLogChunk));
    TRY(read(at_, chunk));
    chunk_ = std::move(chunk);
    chunk_at_ = at_;
    return std::span<const std::byte>(chunk_);
}

/// Of a record whose header stands at the start of `head`.
Status LogReader::State::payload(std::span<const std::byte> head, Record& record) {
    const auto rest = head.subspan(format::kLogRecordHeaderBytes);
    if (rest.size() < record.bytes.size())
        return read(at_ + format::kLogRecordHeaderBytes, record.bytes);
    std::copy_n(rest.begin(), record.bytes.size(), record.bytes.begin());
    return {};
}

/// Nothing where the records end that are known to be there.
Result<std::optional<Record>> LogReader::State::look() {
    const auto head = TRY(fetch());
    const format::LogBounds bounds{opened.log_id, opened.epoch, opened.term};
    const auto header = format::claimed_log_record(head, last_, bounds, settled_ - at_);
    if (!header)
        return std::nullopt;
    Record record;
    record.generation = opened.generation;
    record.sequence = header->sequence;
    record.epoch = header->epoch;
    record.bytes.resize(header->length);
    TRY(payload(head, record));
    if (format::log_record_crc(*header, record.bytes) != header->crc32c)
        return std::nullopt;
    at_ += format::log_record_bytes(header->length);
    payload_at_ += header->length;
    last_ = {header->sequence, header->epoch, header->term};
    return record;
}

/// Asks for what is new: more records, more segments, or an end. False: nothing. ESTALE: this log has ended.
Result<bool> LogReader::State::look_for_more() {
    auto fresh = ask_for_log(*session, region);
    const bool ended = fresh ? fresh->log_id != opened.log_id : has_ended(fresh.error());
    if (ended) {
        if (fresh)
            close(fresh->handle);
        settled_ = range_.end();  // nobody can write to it any more
        // Openings that this reader never heard of may have appended to it, after a takeover too.
        opened.epoch = UINT64_MAX;
        opened.term = UINT32_MAX;
        chunk_.clear();
        return fail(ESTALE, "the log of {} that followed generation {} has ended: read what follows it",
                    region, opened.generation);
    }
    const auto before = opened.handle;
    auto present = TRY(std::move(fresh));
    TRY(adopt(std::move(present)));
    if (opened.handle != before)
        close(before);
    return opened.records > last_.sequence;
}

Result<std::optional<Record>> LogReader::State::next() {
    auto record = TRY(look());
    if (record)
        return record;
    const auto more = look_for_more();
    if (!more && more.error().code != ESTALE)
        return tl::unexpected(more.error());
    record = TRY(look());  // also of an ended log: what was appended just before its end
    if (record || (more && !*more))
        return record;
    if (!more)
        return tl::unexpected(more.error());
    return fail(EBADMSG, "record {} of the log of {} does not verify, and the manager has seen {} good ones",
                last_.sequence + 1, region, opened.records);
}

void LogReader::State::rewind() {
    at_ = payload_at_ = 0;
    last_ = {};
    chunk_.clear();
}

/// To the last border of records with at most `value` before it, as the manager finds it. False when it
/// doesn't know this log any more.
Result<bool> LogReader::State::go_to(LogMeasure by, std::uint64_t value) {
    const auto answer = ask_for_place(*session, region, opened.log_id, by, value);
    if (!answer && has_ended(answer.error()))
        return false;
    const auto place = TRY(answer);
    if (place.bytes > settled_) {
        const auto more = look_for_more();
        if (!more && more.error().code == ESTALE)
            return false;
        TRY(more);
    }
    if (place.bytes > settled_ || (by == LogMeasure::records && place.sequence != value))
        return tl::unexpected(
            session->distrust({EPROTO, fmt::format("the manager was asked for a place in log {:#x}, and says "
                                                   "that record {} ends at {}; the log ends at {}",
                                                   opened.log_id, place.sequence, place.bytes, settled_)}));
    at_ = place.bytes;
    payload_at_ = place.payload_bytes;
    last_ = {place.sequence, place.epoch, place.term};
    return true;
}

Status LogReader::State::seek(std::uint64_t payload_offset) {
    if (!TRY(go_to(LogMeasure::payload_bytes, payload_offset)) && payload_offset < payload_at_)
        rewind();
    return {};
}

Status LogReader::State::skip_to(std::uint64_t sequence) {
    if (sequence == last_.sequence || TRY(go_to(LogMeasure::records, sequence)))
        return {};
    if (sequence < last_.sequence)
        rewind();
    while (last_.sequence < sequence) {
        const auto record = TRY(next());
        if (!record)
            return fail(ERANGE, "the log of {} has {} records: it can't be read on from behind record {}",
                        region, last_.sequence, sequence);
    }
    return {};
}

LogReader::LogReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
LogReader::~LogReader() = default;

std::uint64_t LogReader::generation() const {
    return state_->opened.generation;
}

std::uint64_t LogReader::log_id() const {
    return state_->opened.log_id;
}

Result<std::optional<Record>> LogReader::next() {
    return state_->next();
}

Status LogReader::skip_to(std::uint64_t sequence) {
    return state_->skip_to(sequence);
}

std::uint64_t LogReader::payload_offset() const {
    return state_->payload_offset();
}

Status LogReader::seek(std::uint64_t payload_offset) {
    return state_->seek(payload_offset);
}

}  // namespace pmemckpt::client
