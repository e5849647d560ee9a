// A client's logs: opened for append, opened for reading, waited for.
#include "lib/client/answers.hh"
#include "lib/client/appender.hh"
#include "lib/client/calls.hh"
#include "lib/client/log_reader.hh"

namespace pmemckpt::client {

namespace {

Result<LogRange> check_granted(const wire::LogGranted& granted, bool can_flush) {
    auto range = TRY(LogRange::of(granted.segments));
    if (granted.log_id == 0 || granted.next_sequence == 0)
        return fail(EPROTO, "the manager opened log {:#x} with record {} next", granted.log_id,
                    granted.next_sequence);
    if (granted.end % format::kLogRecordAlignment != 0 || granted.end < range.start() ||
        granted.end > range.end())
        return fail(EPROTO, "the manager opened a log with its end at {}, in segments from {} to {}",
                    granted.end, range.start(), range.end());
    const auto last = can_flush ? wire::FlushBy::flush : wire::FlushBy::request;
    if (granted.flush_by > static_cast<std::uint8_t>(last))
        return fail(EPROTO, "the manager wants a log to be flushed in way {}, which is not known here",
                    granted.flush_by);
    if (!is_durability(granted.durability))
        return fail(EPROTO,
                    "the manager opened a log whose records are durable by method {}, which is not "
                    "known here",
                    granted.durability);
    return range;
}

}  // namespace

Result<std::unique_ptr<Appender>> Client::open_log(const std::string& region) {
    TRY(check_region(region));
    wire::OpenLog request;
    request.region = region;
    request.room = kLogRoom;
    request.can_flush = session_->exchange().can_flush() ? 1 : 0;
    const auto granted = TRY(session_->call<wire::LogGranted>(request, work_limit(kLogRoom)));
    auto range = check_granted(granted, request.can_flush != 0);
    if (!range)
        return tl::unexpected(session_->distrust(range.error()));
    session_->end_log(region);  // an earlier opening of this client
    LogOpening opening{region,
                       granted.log_id,
                       granted.epoch,
                       granted.generation,
                       granted.term,
                       static_cast<wire::FlushBy>(granted.flush_by),
                       granted.durability};
    auto state = std::make_unique<Appender::State>(session_, std::move(opening), std::move(*range), granted);
    return std::unique_ptr<Appender>(new Appender(std::move(state)));
}

Result<std::unique_ptr<LogReader>> Client::read_log(const std::string& region) {
    TRY(check_region(region));
    auto opened = TRY(ask_for_log(*session_, region));
    auto state = std::make_unique<LogReader::State>(session_, region);
    TRY(state->adopt(std::move(opened)));
    return std::unique_ptr<LogReader>(new LogReader(std::move(state)));
}

Result<wire::LogState> Client::log_state(const std::string& region) {
    TRY(check_region(region));
    wire::FindLog request;
    request.region = region;
    return session_->call<wire::LogState>(request, session_->look_limit());
}

Result<std::uint64_t> Client::payload_before(const std::string& region, std::uint64_t log_id,
                                             std::uint64_t records) {
    TRY(check_region(region));
    const auto place = TRY(ask_for_place(*session_, region, log_id, LogMeasure::records, records));
    if (place.sequence != records)
        return tl::unexpected(session_->distrust(
            {EPROTO, fmt::format("the manager was asked where record {} ends, and speaks of record {}",
                                 records, place.sequence)}));
    return place.payload_bytes;
}

Result<wire::LogState> Client::wait_log(const std::string& region, const wire::LogState& after,
                                        std::uint32_t timeout_ms) {
    TRY(check_region(region));
    wire::WaitLog request;
    request.region = region;
    request.generation = after.generation;
    request.log_id = after.log_id;
    request.after_sequence = after.records;
    return long_poll<wire::LogState>(*session_, request, timeout_ms);
}

}  // namespace pmemckpt::client
