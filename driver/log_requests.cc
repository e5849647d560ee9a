// Requests about logs. Records are written and read by RDMA alone; the manager hands out pages and windows.
//
// A log's windows die last first. Who makes records durable writes them, and then reads a byte of the last
// window that it wrote to; the engine persists what lies in living windows before it answers. So when that
// read was answered, all windows before that one were alive, and what lies in them was persisted. A device
// persists nothing: over one, FLUSH_LOG asks for it.
#include <algorithm>
#include <cerrno>

#include "driver/convert.hh"
#include "driver/requests.hh"

namespace pmemckpt::driver {

namespace {

// A log grows by a share of what it has, so that windows stay few however long it gets.
constexpr std::uint64_t kGrowthShare = 4;
constexpr std::uint64_t kMaximumGrowth = kGiB;

/// Segments side by side in the log are one window, unless the last page of one is not full.
std::vector<pool::LogSegment> join(const std::vector<pool::LogSegment>& segments, std::uint64_t page_size) {
    std::vector<pool::LogSegment> joined;
    for (const auto& segment : segments) {
        if (joined.empty() || joined.back().start + joined.back().size != segment.start ||
            joined.back().size != joined.back().page_offsets.size() * page_size) {
            joined.push_back(segment);
            continue;
        }
        auto& last = joined.back();
        last.size += segment.size;
        last.page_offsets.insert(last.page_offsets.end(), segment.page_offsets.begin(),
                                 segment.page_offsets.end());
    }
    return joined;
}

/// Where the bytes [from, to) of a log's range lie on the medium, as far as they are in its segments.
std::vector<Extent> extents_of(const std::vector<pool::LogSegment>& segments, std::uint64_t page_size,
                               std::uint64_t from, std::uint64_t to) {
    std::vector<Extent> extents;
    for (const auto& segment : segments) {
        const auto end = std::min(to, segment.start + segment.size);
        for (auto at = std::max(from, segment.start); at < end;) {
            const auto within = (at - segment.start) % page_size;
            const auto page = segment.page_offsets[(at - segment.start) / page_size];
            const auto size = std::min(page_size - within, end - at);
            extents.push_back({{page + within}, {size}});
            at += size;
        }
    }
    return extents;
}

bool is_too_much(const Error& error) {
    return error.code == ENOSPC || error.code == EFBIG;
}

std::vector<rdma::Key> keys_of(const std::vector<wire::LogSegment>& segments) {
    std::vector<rdma::Key> keys;
    for (const auto& segment : segments)
        keys.push_back(segment.window.key);
    return keys;
}

/// What a window on the segment's bytes from the log's byte `from` on needs; `from` lies in the segment.
PageRange range_of(const pool::LogSegment& segment, std::uint64_t page_size, std::uint64_t from) {
    const auto before = from - segment.start;
    const auto first = segment.page_offsets.begin() + static_cast<std::ptrdiff_t>(before / page_size);
    return {{first, segment.page_offsets.end()}, before % page_size, segment.size - before};
}

}  // namespace

Result<Requests::LogWindows> Requests::grant_log(const OpenLogPart& part, rdma::Access access) {
    LogWindows granted;
    for (const auto& segment : join(part.segments, pool().page_size())) {
        const auto start = std::max(part.from, segment.start);
        if (start - segment.start >= segment.size)
            continue;
        auto what = subject(part.region);
        what.handle = part.handle;
        what.log_id = part.log.id;
        const auto range = range_of(segment, pool().page_size(), start);
        auto window = grant(std::move(what), range, access);
        if (!window) {
            revoke(keys_of(granted.segments));
            return tl::unexpected<Error>(std::move(window).error());
        }
        granted.segments.push_back({start, {window->key, window->base, range.size}});
        granted.flush = granted.flush && window->flushes;
    }
    granted.flush = granted.flush && !granted.segments.empty();
    return granted;
}

Requests::Answer<wire::LogGranted> Requests::open_log(const wire::OpenLog& request) {
    const auto entered = TRY(enter(request.region, Right::append));
    const Locked lock(entered.live->mutex);
    const auto now = TRY(check_entered(entered, lock));
    auto& appender = entered.live->appender;
    if (appender && appender->session_id != who_.session_id)
        return fail(EBUSY,
                    "the log of region {} is open for append by {} from {}: it closes it or ends, or is "
                    "fenced by a takeover",
                    request.region, appender->principal, appender->peer);
    if (entered.live->seals != 0)
        return fail(EBUSY, "a generation of region {} is being sealed, which ends its log: try again",
                    request.region);
    end_log(services_.tables, *entered.live, lock);  // this session's earlier opening
    auto grant = TRY(pool().open_log(now, request.room));
    if (grant.epoch != now.epoch)
        return tl::unexpected<Error>(fenced(now.name, *entered.live, grant.epoch));
    appender.emplace();
    appender->session_id = who_.session_id;
    appender->principal = who_.principal;
    appender->peer = channel_->peer().address;
    appender->log_id = grant.log.id;
    appender->term = grant.log.term;
    appender->can_flush = request.can_flush != 0;
    auto answer = append_to({now, entered.live}, std::move(grant), lock);
    if (!answer) {
        end_log(services_.tables, *entered.live, lock);
        return answer;
    }
    become_primary({now, entered.live}, lock);
    publish(now.id, wire::EventKind::log_opened, now.newest, now.epoch, who_.principal,
            fmt::format("log {:016x}, term {}, {} records", answer->log_id, answer->term,
                        answer->next_sequence - 1));
    return answer;
}

/// The windows of what was granted, and the appender holds its pages. None reaches what was appended before.
Result<wire::LogGranted> Requests::append_to(const Entered& entered, pool::LogGrant grant, const Locked&) {
    auto& appender = *entered.live->appender;
    auto windows =
        TRY(grant_log({entered.info, grant.log, 0, grant.segments, grant.log.bytes}, rdma::Access::both));
    const auto by = flush_by(appender.can_flush && windows.flush);
    if (!windows.segments.empty() && !appender.windows.empty() && by != appender.flush_by) {
        revoke(keys_of(windows.segments));
        return fail(ENODEV,
                    "the log of region {} can't grow: the RDMA device flushes what it had, or what it would "
                    "get, and not both; open it anew",
                    entered.info.name);
    }
    if (appender.windows.empty())
        appender.flush_by = by;
    wire::LogGranted answer;
    answer.segments = std::move(windows.segments);
    answer.log_id = grant.log.id;
    answer.term = grant.log.term;
    answer.epoch = grant.epoch;
    answer.next_sequence = grant.next_sequence;
    answer.end = grant.log.bytes;
    answer.generation = entered.info.newest;
    const auto keys = keys_of(answer.segments);
    appender.windows.insert(appender.windows.end(), keys.begin(), keys.end());
    appender.segments.insert(appender.segments.end(), grant.segments.begin(), grant.segments.end());
    appender.pages = std::move(grant.pages);
    answer.flush_by = static_cast<std::uint8_t>(appender.flush_by);
    answer.durability = static_cast<std::uint8_t>(log_durability(appender.flush_by));
    return answer;
}

Result<Appender*> Requests::own_appender(LiveRegion& live, const std::string& region, std::uint64_t log_id,
                                         std::uint32_t term, const Locked&) {
    auto& appender = live.appender;
    if (!appender || appender->session_id != who_.session_id || appender->log_id != log_id ||
        appender->term != term)
        return fail(ESTALE,
                    "log {:016x} of region {} is not open for append by this session any more: open it anew",
                    log_id, region);
    return &*appender;
}

bool Requests::read_is_enough() {
    return channel_->reads_persist() || pool().medium().stores_are_durable();
}

wire::FlushBy Requests::flush_by(bool windows_flush) {
    if (services_.gpspm_alone)
        return wire::FlushBy::request;
    if (read_is_enough())
        return wire::FlushBy::read;
    return windows_flush ? wire::FlushBy::flush : wire::FlushBy::request;
}

media::Durability Requests::log_durability(wire::FlushBy by) {
    if (pool().medium().durability() == media::Durability::page)
        return media::Durability::page;
    switch (by) {
        case wire::FlushBy::read: return media::Durability::apm;
        case wire::FlushBy::flush: return media::Durability::flush;
        case wire::FlushBy::request: break;
    }
    return media::Durability::gpspm;
}

Requests::Answer<wire::LogGranted> Requests::grow_log(const wire::GrowLog& request) {
    const auto entered = TRY(enter(request.region, Right::append));
    const Locked lock(entered.live->mutex);
    const auto now = TRY(check_entered(entered, lock));
    TRY(own_appender(*entered.live, request.region, request.log_id, request.term, lock));
    const auto share = std::min(now.log.capacity / kGrowthShare, kMaximumGrowth);
    auto grown = pool().grow_log(now, request.log_id, request.term, std::max(request.room, share));
    if (!grown && is_too_much(grown.error()) && request.room < share)
        grown = pool().grow_log(now, request.log_id, request.term, request.room);
    return append_to({now, entered.live}, TRY(std::move(grown)), lock);
}

// The request came behind the writes, so what they brought is there. Under the region's lock: who was fenced
// meanwhile is told nothing that is not so any more.
Requests::Answer<wire::Empty> Requests::flush_log(const wire::FlushLog& request) {
    const auto entered = TRY(enter(request.region, Right::append));
    const Locked lock(entered.live->mutex);
    TRY(check_entered(entered, lock));
    const auto* appender =
        TRY(own_appender(*entered.live, request.region, request.log_id, request.term, lock));
    auto& medium = pool().medium();
    for (const auto extent : extents_of(appender->segments, pool().page_size(), request.from, request.to))
        TRY(medium.persist(extent));
    return wire::Empty{};
}

Requests::Answer<wire::Empty> Requests::close_log(const wire::CloseLog& request) {
    const auto entered = TRY(enter(request.region, Right::append));
    const Locked lock(entered.live->mutex);
    TRY(check_entered(entered, lock));
    const auto& appender = entered.live->appender;
    if (!appender || appender->session_id != who_.session_id)
        return fail(ENOENT, "this session has not the log of region {} open for append", request.region);
    end_log(services_.tables, *entered.live, lock);
    return wire::Empty{};
}

Requests::Answer<wire::LogOpened> Requests::read_log(const wire::ReadLog& request) {
    TRY(check_reading_limit());
    const auto region = TRY(allowed(request.region, Right::read));
    auto view = TRY(pool().read_log(region));
    if (view.log.id == 0)
        return fail(ENODATA, "region {} has no log: nothing was appended since its newest generation",
                    request.region);
    wire::LogOpened answer;
    answer.handle = ++last_handle_;
    answer.generation = view.generation;
    answer.log_id = view.log.id;
    answer.epoch = view.epoch;
    answer.term = view.log.term;
    answer.records = view.log.records;
    answer.bytes = view.log.bytes;
    answer.segments =
        TRY(grant_log({region, view.log, answer.handle, view.segments, 0}, rdma::Access::read)).segments;
    reading_.emplace(answer.handle, OpenForReading{std::move(view.pages), keys_of(answer.segments)});
    return answer;
}

Requests::Answer<wire::Empty> Requests::log_hint(const wire::LogHint& request) {
    services_.log_waiters.look(pool(), TRY(allowed(request.region, Right::append)).id);
    return wire::Empty{};
}

Requests::Answer<wire::LogState> Requests::find_log(const wire::FindLog& request) {
    return driver::log_state(pool(), TRY(allowed(request.region, Right::read)));
}

Requests::Answer<wire::LogPlace> Requests::find_in_log(const wire::FindInLog& request) {
    if (request.by > static_cast<std::uint8_t>(pool::LogMeasure::payload_bytes))
        return fail(EINVAL, "places in a log are found by records (0) or payload bytes (1), not by {}",
                    request.by);
    const auto by = static_cast<pool::LogMeasure>(request.by);
    const auto region = TRY(allowed(request.region, Right::read));
    const auto place = TRY(pool().find_in_log(region, request.log_id, by, request.value));
    return wire::LogPlace{place.bytes, place.payload_bytes, place.last.sequence, place.last.epoch,
                          place.last.term};
}

}  // namespace pmemckpt::driver
