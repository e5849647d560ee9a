#include "tests/crash/world.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/format/layout.hh"
#include "lib/format/log_record.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::crash {

World::World(std::vector<std::byte> image) : memory_(std::move(image)), medium_(memory_) {}

pool::CreateOptions World::options() const {
    pool::CreateOptions options;
    options.size = memory_.size();
    options.page_size = format::kMinimumPageSize;
    options.uuid = pool::Uuid{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    return options;
}

Status World::open() {
    pool_ = TRY(pool::Pool::open(std::make_unique<Borrowed>(medium_), test::pool_key()));
    return {};
}

void World::write(const pool::Draft& draft, std::uint64_t at, std::span<const std::byte> bytes) {
    const auto page_size = pool_->page_size();
    while (!bytes.empty()) {
        const auto page = at / page_size;
        CHECK(draft.writable().empty() || draft.writable().at(page));
        const auto here = std::min<std::uint64_t>(page_size - at % page_size, bytes.size());
        medium_.arrive({draft.page_offsets().at(page) + at % page_size}, bytes.first(here));
        at += here;
        bytes = bytes.subspan(here);
    }
}

void World::report(std::uint64_t log_id, std::size_t records) {
    auto& log = logs_[log_id];
    log.reported = std::max(log.reported, records);
}

Status World::open_log(const std::string& region, std::uint64_t room) {
    revoke_log(region);
    auto grant = TRY(pool_->open_log(region, room));
    const auto records = grant.next_sequence - 1;
    auto& written = logs_[grant.log.id].written;
    if (written.size() < records)  // of a log that was there before
        written = test::log_payloads(*pool_, region);
    written.resize(records);  // what lies behind them was never whole, and is written over
    report(grant.log.id, records);
    const auto end = grant.log.bytes;
    appenders_[region] = {std::move(grant), records + 1, end, end};
    return {};
}

Status World::grow_log(const std::string& region, std::uint64_t room) {
    const auto found = appenders_.find(region);
    if (found == appenders_.end())
        return fail(ESTALE, "nobody has the log of {} open", region);
    const auto& [id, term] = std::pair(found->second.grant.log.id, found->second.grant.log.term);
    const auto more = TRY(pool_->grow_log(region, id, term, room));
    const auto now = appenders_.find(region);  // it may have been revoked meanwhile
    if (now == appenders_.end())
        return fail(ESTALE, "the log of {} was revoked", region);
    auto& grant = now->second.grant;
    grant.segments.insert(grant.segments.end(), more.segments.begin(), more.segments.end());
    grant.log.capacity = more.log.capacity;
    grant.pages = more.pages;
    return {};
}

std::vector<Extent> World::pieces(const Appender& appender, std::uint64_t from, std::uint64_t to) const {
    std::vector<Extent> found;
    const auto page_size = pool_->page_size();
    for (const auto& segment : appender.grant.segments)
        while (from < to && from >= segment.start && from < segment.start + segment.size) {
            const auto within = from - segment.start;
            const auto size = std::min(to - from, page_size - within % page_size);
            found.push_back({{segment.page_offsets.at(within / page_size) + within % page_size}, {size}});
            from += size;
        }
    CHECK(from == to);
    return found;
}

void World::put(const Appender& appender, std::uint64_t at, std::span<const std::byte> bytes) {
    for (const auto& [place, size] : pieces(appender, at, at + bytes.size())) {
        medium_.arrive(place, bytes.first(size.bytes));
        bytes = bytes.subspan(size.bytes);
    }
}

Status World::write_record(const std::string& region, const Payload& payload) {
    const auto found = appenders_.find(region);
    if (found == appenders_.end())
        return fail(ESTALE, "nobody has the log of {} open", region);
    auto& appender = found->second;
    const auto header = format::log_record_header(
        {appender.grant.log.id, appender.grant.epoch, appender.grant.log.term}, appender.sequence++, payload);
    logs_[appender.grant.log.id].written.push_back(payload);
    std::vector<std::byte> bytes(format::log_record_bytes(payload.size()));
    std::memcpy(bytes.data(), &header, sizeof header);
    std::ranges::copy(payload, bytes.begin() + sizeof header);
    put(appender, appender.end, bytes);
    appender.end += bytes.size();
    return {};
}

Status World::flush_records(const std::string& region) {
    const auto found = appenders_.find(region);
    if (found == appenders_.end())
        return fail(ESTALE, "nobody has the log of {} open", region);
    const auto appender = found->second;  // it may be revoked meanwhile
    for (const auto& piece : pieces(appender, appender.flushed, appender.end))
        TRY(medium_.persist(piece));
    const auto now = appenders_.find(region);
    const auto& log = appender.grant.log;
    if (now == appenders_.end() || now->second.grant.log.id != log.id ||
        now->second.grant.log.term != log.term)
        return fail(ESTALE, "the log of {} is another one now", region);
    now->second.flushed = appender.end;
    report(log.id, appender.sequence - 1);
    return {};
}

}  // namespace pmemckpt::crash
