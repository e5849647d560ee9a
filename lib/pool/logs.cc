// Logs: their pages are granted, what is in them is found by looking. Records get durable by the engine,
// one-sided; here only their pages and the terms of their openings are.
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>

#include "lib/base/memory_fault.hh"
#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

namespace {

/// A region that is sealed or opened by others at each of so many attempts to open its log is not worth
/// another.
constexpr int kOpenAttempts = 16;
/// A segment is as large as the log before it, but takes no more than this part of the free pages by itself.
constexpr std::uint64_t kShareOfFree = 4;

Result<std::uint64_t> random_log_id() {
    if (sodium_init() < 0)
        return fail(EIO, "the system's random numbers can't be had");
    std::uint64_t id = 0;
    while (id == 0)
        randombytes_buf(&id, sizeof id);
    return id;
}

std::uint64_t page_count(const std::optional<RegionLog>& log) {
    std::uint64_t count = 0;
    if (log)
        for (const auto& pages : log->segments)
            count += pages->count();
    return count;
}

LogGrant grant_of(const Region& region, std::uint64_t page_size, std::size_t first_segment) {
    LogGrant grant;
    const auto& log = *region.log;
    grant.log = log.info();
    grant.epoch = region.info.epoch;
    grant.next_sequence = grant.log.records + 1;
    grant.segments = LogMap(log.segments, page_size).segments();
    grant.segments.erase(grant.segments.begin(),
                         grant.segments.begin() + static_cast<std::ptrdiff_t>(first_segment));
    grant.pages = std::make_shared<const LogPages>(log.segments);
    return grant;
}

tl::unexpected<Error> other_log(const std::string& region) {
    return fail(
        ESTALE,
        "the log of region {} is another one now: the region was sealed, cleared or taken over, or its "
        "log opened anew; open it anew",
        region);
}

}  // namespace

Result<PoolOnMedium::LookedAt> PoolOnMedium::log_of(const RegionRef& region) const {
    const std::shared_lock lock(tables_);
    const Region& found = *TRY(region_named(region));
    return LookedAt{found.info, found.log, {}};
}

Result<PoolOnMedium::LookedAt> PoolOnMedium::look(const RegionRef& region, Look from) const {
    for (;;) {
        auto looked = TRY(log_of(region));
        if (!looked.log)
            return looked;
        const auto& log = *looked.log;
        const LogMap map(log.segments, page_size());
        const auto bytes = std::as_const(*medium_).bytes();
        const format::LogBounds bounds{log.id, looked.region.epoch, log.term};
        looked.end = from == Look::from_opening ? log.scan->look_again(bytes, map, bounds)
                                                : log.scan->look(bytes, map, bounds);
        if (looked.end.bytes <= map.capacity())
            return looked;
        // It grew since, and somebody else looked at more of it.
    }
}

/// What an appender has left there, torn or made to look like a record of an opening or an epoch to come, is
/// no record and nobody's to read.
Status PoolOnMedium::blank_tail(const LookedAt& looked, std::uint64_t limit) {
    if (!looked.log)
        return {};
    static constexpr std::array<std::byte, 64 * kKiB> kZeros{};
    const LogMap map(looked.log->segments, page_size());
    const auto bytes = std::as_const(*medium_).bytes();
    const auto end = looked.end.bytes + std::min(limit, map.capacity() - looked.end.bytes);
    for (auto at = looked.end.bytes; at < end;) {
        const auto piece = map.piece(at, std::min<std::uint64_t>(kZeros.size(), end - at));
        at += piece.size.bytes;
        // What can't be read is no record either.
        if (is_zero_if_readable(bytes.subspan(piece.at.bytes, piece.size.bytes)).value_or(true))
            continue;
        medium_->store(piece.at, std::span(kZeros).first(piece.size.bytes));
        TRY(medium_->persist(piece));
    }
    return {};
}

Status PoolOnMedium::make_durable(const LookedAt& looked) {
    if (!looked.log)
        return {};
    const LogMap map(looked.log->segments, page_size());
    for (const auto& piece : map.pieces(looked.log->scan->durable(), looked.end.bytes))
        TRY(medium_->persist(piece));
    looked.log->scan->set_durable(looked.end.bytes);
    return {};
}

/// At least `least` more pages, blank. Blank durably: who reads the log sees nobody else's old bytes, ever.
Result<std::shared_ptr<const Pages>> PoolOnMedium::log_pages(const LookedAt& looked, std::uint64_t least) {
    const auto have = page_count(looked.log);
    const auto limit = looked.region.settings.max_size == 0
                           ? UINT64_MAX
                           : divide_up(looked.region.settings.max_size, page_size());
    if (have > limit || least > limit - have)
        return fail(EFBIG,
                    "the log of region {} has {} pages of {} and needs {} more; the region's largest size "
                    "is {}: seal a generation, which ends the log",
                    looked.region.name, have, format_size(page_size()), least,
                    format_size(looked.region.settings.max_size));
    const auto wanted =
        std::min({std::max(have, least), std::max(pages_->free_pages() / kShareOfFree, least), limit - have});
    auto pages = pages_->allocate(wanted);
    if (!pages && wanted > least)
        pages = pages_->allocate(least);
    if (!pages)
        return no_room(pages.error(), fmt::format("the log of region {}", looked.region.name));
    TRY(blank(pages->extents()));
    for (const auto extent : pages->extents())
        TRY(medium_->persist(pages_->bytes_of(extent)));  // cut before or after: no record names these pages
    return std::make_shared<const Pages>(std::move(*pages));
}

/// Under writing_.
Status PoolOnMedium::put_log(const format::LogGrow& record, std::shared_ptr<const Pages> pages) {
    // Cut before it returns: the log as it was, or with its new term and pages, which nobody was told of. Cut
    // after: with them.
    const auto appended = journal_.append(format::Kind::log_grow, format::encode(record),
                                          pages ? Effect::grows : Effect::keeps, catalog_);
    if (!appended) {
        // The record may be on the medium all the same: nobody may get these pages before the next recovery.
        if (journal_.failed() && pages)
            doubtful_.push_back(std::move(pages));
        return tl::unexpected<Error>(appended.error());
    }
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record, std::move(pages)).has_value(), "a log's record holds");
    return {};
}

/// Nothing when the log is not the one that was looked at.
Result<std::optional<LogGrant>> PoolOnMedium::raise_term(const LookedAt& looked,
                                                         std::shared_ptr<const Pages> pages) {
    const std::lock_guard writing(writing_);
    const Region& region = *TRY(region_named(looked.region.name));
    const auto id_of = [](const std::optional<RegionLog>& log) { return log ? log->id : 0; };
    const auto term_of = [](const std::optional<RegionLog>& log) { return log ? log->term : 0; };
    if (region.info.id != looked.region.id || id_of(region.log) != id_of(looked.log) ||
        term_of(region.log) != term_of(looked.log))
        return std::nullopt;
    if (term_of(region.log) == UINT32_MAX)
        return fail(EOVERFLOW, "the log of region {} was opened {} times; seal a generation, which ends it",
                    looked.region.name, UINT32_MAX);
    format::LogGrow record{region.info.id, id_of(region.log), term_of(region.log) + 1, {}};
    if (!region.log)
        record.log_id = TRY(random_log_id());
    if (pages)
        record.extents = pages->list();
    TRY(put_log(record, std::move(pages)));
    region.log->scan->opened();
    return grant_of(region, page_size(), 0);
}

Result<LogGrant> PoolOnMedium::open_log(const RegionRef& region, std::uint64_t room) {
    TRY(journal_.check());
    for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
        const auto before = TRY(log_of(region));
        const auto opening = before.log ? before.log->scan->lock_opening() : std::unique_lock<std::mutex>();
        const auto looked = TRY(look(region, Look::from_opening));
        if (looked.log && (!before.log || looked.log->scan != before.log->scan))
            continue;
        // What the new opening follows stays: a record behind one that a cut took away would be lost with it.
        TRY(make_durable(looked));
        // Cut before or after: no record of this term is there.
        TRY(blank_tail(looked, UINT64_MAX));
        const auto left = page_count(looked.log) * page_size() - looked.end.bytes;
        const auto least = std::max(divide_up(room - std::min(room, left), page_size()),
                                    std::uint64_t{looked.log ? 0U : 1U});
        std::shared_ptr<const Pages> pages;
        if (least > 0)
            pages = TRY(log_pages(looked, least));
        if (auto grant = TRY(raise_term(looked, std::move(pages))))
            return std::move(*grant);
    }
    return fail(EBUSY,
                "the log of region {} was changed by others at each of {} attempts to open it; try again",
                region.name, kOpenAttempts);
}

Status PoolOnMedium::check_log(const std::string& region, const std::optional<RegionLog>& log,
                               std::uint64_t log_id, std::uint32_t term) {
    if (!log || log->id != log_id || log->term != term)
        return other_log(region);
    return {};
}

Result<LogGrant> PoolOnMedium::grow_log(const RegionRef& region, std::uint64_t log_id, std::uint32_t term,
                                        std::uint64_t room) {
    TRY(journal_.check());
    const auto looked = TRY(log_of(region));
    TRY(check_log(region.name, looked.log, log_id, term));
    auto pages = TRY(log_pages(looked, std::max<std::uint64_t>(divide_up(room, page_size()), 1)));
    const std::lock_guard writing(writing_);
    const Region& found = *TRY(region_named(region));
    TRY(check_log(region.name, found.log, log_id, term));
    const format::LogGrow record{found.info.id, log_id, term, pages->list()};
    const auto before = found.log->segments.size();
    TRY(put_log(record, std::move(pages)));
    return grant_of(found, page_size(), before);
}

Result<LogView> PoolOnMedium::read_log(const RegionRef& region) {
    const auto looked = TRY(look(region));
    LogView view;
    view.region_id = looked.region.id;
    view.generation = looked.region.newest;
    view.epoch = looked.region.epoch;
    if (!looked.log)
        return view;
    const LogMap map(looked.log->segments, page_size());
    view.log = looked.log->info();
    view.log.bytes = looked.end.bytes;
    view.log.records = looked.end.last.sequence;
    view.log.payload_bytes = looked.end.payload_bytes;
    view.segments = map.segments();
    view.pages = std::make_shared<const LogPages>(looked.log->segments);
    return view;
}

Result<LogPlace> PoolOnMedium::find_in_log(const RegionRef& region, std::uint64_t log_id, LogMeasure by,
                                           std::uint64_t value) {
    const auto looked = TRY(look(region));
    if (!looked.log || looked.log->id != log_id)
        return other_log(region.name);
    const LogMap map(looked.log->segments, page_size());
    return looked.log->scan->find(std::as_const(*medium_).bytes(), map,
                                  {log_id, looked.region.epoch, looked.log->term}, looked.end, by, value);
}

}  // namespace pmemckpt::pool
