// A log that grows ahead of need, so that appending waits for nobody as long as the pool has room.
#include <algorithm>
#include <cerrno>
#include <system_error>

#include "lib/client/appender.hh"

namespace pmemckpt::client {

namespace {

bool is_full(const Error& error) {
    return error.code == ENOSPC || error.code == EFBIG;
}

std::uint64_t usual_growth(const LogRange& range) {
    return std::clamp(range.end() / 4, kLogRoom, kLargestGrowth);
}

}  // namespace

LogGrowth::Answer LogGrowth::ask(std::uint64_t room) const {
    wire::GrowLog request;
    request.region = opening_.region;
    request.log_id = opening_.log_id;
    request.term = opening_.term;
    request.room = room;
    return session_->call<wire::LogGranted>(request, work_limit(room));
}

Status LogGrowth::take(LogRange& range, Answer answer) const {
    const auto granted = TRY(std::move(answer));
    Status good;
    if (granted.log_id != opening_.log_id || granted.term != opening_.term)
        good = fail(EPROTO, "the manager let log {:#x} grow in term {}, where {:#x} in term {} was asked for",
                    granted.log_id, granted.term, opening_.log_id, opening_.term);
    else if (granted.flush_by != static_cast<std::uint8_t>(opening_.flush_by) ||
             granted.durability != opening_.durability)
        good =
            fail(EPROTO,
                 "the manager let log {:#x} grow by bytes that are flushed in way {} and durable by method "
                 "{}, where it was opened with {} and {}",
                 granted.log_id, granted.flush_by, granted.durability,
                 static_cast<unsigned>(opening_.flush_by), opening_.durability);
    if (good)
        good = range.extend(granted.segments);
    if (!good)
        return tl::unexpected(session_->distrust(good.error()));
    return {};
}

bool LogGrowth::is_ready() const {
    return pending_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

Status LogGrowth::ahead(LogRange& range, std::uint64_t used) {
    if (pending_.valid()) {
        if (!is_ready())
            return {};
        auto answer = pending_.get();
        if (answer || !is_full(answer.error()))
            return take(range, std::move(answer));
        refused_at_ = range.end();
    }
    if (range.end() - used >= range.last_segment_bytes() / 2 || refused_at_ == range.end())
        return {};
    try {
        pending_ = std::async(std::launch::async, [this, room = usual_growth(range)] { return ask(room); });
    } catch (const std::system_error&) {
        refused_at_ = range.end();  // no thread to be had: it grows when there is need
    }
    return {};
}

Status LogGrowth::make_room(LogRange& range, std::uint64_t used, std::uint64_t needed) {
    if (range.end() - used >= needed)
        return {};
    if (pending_.valid()) {
        auto answer = pending_.get();
        if (answer || !is_full(answer.error()))
            TRY(take(range, std::move(answer)));
    }
    if (range.end() - used >= needed)
        return {};
    const auto missing = needed - (range.end() - used);
    const auto wanted = std::max(missing, usual_growth(range));
    auto answer = ask(wanted);
    if (!answer && is_full(answer.error()) && wanted > missing)
        answer = ask(missing);
    TRY(take(range, std::move(answer)));
    if (range.end() - used < needed)
        return tl::unexpected(session_->distrust(
            {EPROTO,
             fmt::format("the manager let the log of {} grow to {} bytes, where {} more were asked for",
                         opening_.region, range.end(), missing)}));
    return {};
}

}  // namespace pmemckpt::client
