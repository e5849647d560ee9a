#include "lib/pool/table_repair.hh"

#include <algorithm>
#include <memory>
#include <utility>

#include "lib/pool/contents.hh"

namespace pmemckpt::pool {

namespace {

constexpr std::size_t kAllRegions = SIZE_MAX;

std::uint64_t page_count(const RegionLog& log) {
    std::uint64_t count = 0;
    for (const auto& pages : log.segments)
        count += pages->count();
    return count;
}

std::string records_text(std::uint64_t first, std::uint64_t last) {
    return first == last ? fmt::format("record {}", first) : fmt::format("records {} to {}", first, last);
}

}  // namespace

TableRepair::TableRepair(std::span<const std::byte> medium, Recovered& tables, const CheckReport& found,
                         RepairPlan& plan)
    : medium_(medium), tables_(tables), plan_(plan) {
    for (const auto& bad : found.bad_generations)
        bad_[bad.region].push_back(bad);
}

void TableRepair::note(std::string where, std::string message) {
    plan_.changes.push_back({std::move(where), std::move(message)});
}

/// A record gives out one number at most. Terms and epochs bound what is a good record of a log: so those of
/// openings that were lost still count.
void TableRepair::raise_numbers(std::uint64_t lost) {
    for (const auto& info : tables_.catalog.list("", kAllRegions)) {
        Region& region = *tables_.catalog.find(info.id);
        auto record = put_of(region);
        record.next_number += lost;
        record.epoch += lost;
        require(tables_.catalog.apply(record).has_value(), "numbers may rise");
        if (region.log)
            region.log->term =
                static_cast<std::uint32_t>(std::min<std::uint64_t>(region.log->term + lost, UINT32_MAX - 1));
    }
}

void TableRepair::run() {
    for (const auto& info : tables_.catalog.list("", kAllRegions))
        repair_region(*tables_.catalog.find(info.id));
}

void TableRepair::repair_region(Region& region) {
    const auto newest = region.info.newest;
    drop_bad_generations(region);
    const auto end = region.log ? repair_log(region, newest) : LogPlace();
    repair_cursors(region, region.info.newest != newest, end);
}

void TableRepair::drop_bad_generations(Region& region) {
    format::GenerationDrop record{region.info.id, {}};
    for (const auto& bad : bad_[region.info.name]) {
        const bool pinned = region.generations.at(bad.number).pinned;
        note(fmt::format("{}@{}", bad.region, bad.number),
             fmt::format("dropped: {}{}", bad.why, pinned ? "; it was pinned" : ""));
        record.numbers.push_back(bad.number);
    }
    Discarded discarded;
    require(tables_.catalog.apply(record, discarded).has_value(), "the drop of what is there holds");
}

/// Where its good records end. `generation`: the one that it follows, which may be dropped by now: then its
/// records go on from a state that nobody has any more.
LogPlace TableRepair::repair_log(Region& region, std::uint64_t generation) {
    const auto name = region.info.name + " log";
    drop_unreadable_pages(region);
    if (!region.log)
        return {};
    const auto looked = look_at_log(medium_, *tables_.pages, region);
    require(looked.has_value(), "pages that can be read can be looked at");
    const auto& end = looked->end;
    const bool follows_nothing = generation != region.info.newest;
    keep_remains(region, generation, end, follows_nothing);
    if (follows_nothing) {
        note(name, fmt::format("dropped, with {} records: generation {}, which they follow, is dropped",
                               end.last.sequence, generation));
        region.log.reset();
        return {};
    }
    if (looked->later_sequence)
        skip_later(region);
    if (plan_.older)
        give_back_unused(region, end);
    return end;
}

void TableRepair::drop_unreadable_pages(Region& region) {
    const auto all = page_count(*region.log);
    const auto readable = readable_pages(medium_, *tables_.pages, *region.log);
    if (readable == all)
        return;
    note(
        region.info.name + " log",
        fmt::format("its pages from number {} on are given back, of {}: that one can't be read from the disk",
                    readable + 1, all));
    shorten(region, readable);
}

/// To its first pages; a log without pages is none.
void TableRepair::shorten(Region& region, std::uint64_t pages) {
    LogPages kept;
    for (const auto& segment : region.log->segments) {
        const auto here = std::min(pages, segment->count());
        pages -= here;
        if (here == segment->count()) {
            kept.push_back(segment);
        } else if (here > 0) {
            auto part = std::make_shared<Pages>(tables_.pages->share(*segment));
            part->truncate(here);
            kept.push_back(std::move(part));
        }
    }
    if (kept.empty())
        return region.log.reset();
    region.log->segments = std::move(kept);
}

/// Those behind the end, and with `all` those before it.
void TableRepair::keep_remains(const Region& region, std::uint64_t generation, const LogPlace& end,
                               bool all) {
    const auto log = std::make_shared<const RegionLog>(*region.log);
    const auto medium = medium_;
    const auto store = tables_.pages;
    if (all && end.last.sequence > 0)
        plan_.remains.push_back(
            {region.info.name, generation, false, end.last.sequence, 1, end.last.sequence, end.payload_bytes,
             [=](const PieceTaker& taker) { return for_each_payload(medium, *store, *log, end, taker); }});
    const auto least_term = plan_.older ? std::max(end.last.term, 1U) : log->term;
    const auto epoch = region.info.epoch;
    const auto read = [=](const PieceTaker& taker) {
        return for_each_later_payload(medium, *store, *log, {log->id, epoch, least_term}, end, taker);
    };
    const auto later = read([](std::span<const std::byte>) { return Status(); });
    if (later && later->count > 0)
        plan_.remains.push_back({region.info.name, generation, true, later->count, later->first, later->last,
                                 later->payload_bytes, [=](const PieceTaker& taker) -> Status {
                                     TRY(read(taker));
                                     return {};
                                 }});
}

/// What is behind the end is of an older opening from now on, as it is when a writer goes on there.
void TableRepair::skip_later(Region& region) {
    if (region.log->term == UINT32_MAX)
        return;
    ++region.log->term;
    // The search behind the end may have been given up: then none of them is kept.
    const auto& remains = plan_.remains;
    const bool kept =
        !remains.empty() && remains.back().behind_end && remains.back().region == region.info.name;
    note(region.info.name + " log",
         fmt::format("ends before {}, which nothing leads to: a record before does not verify",
                     kept ? records_text(remains.back().first, remains.back().last)
                          : "records that could not be brought out"));
}

/// Pages behind the records may hold what others have written since this state.
void TableRepair::give_back_unused(Region& region, const LogPlace& end) {
    const auto pages = page_count(*region.log);
    const auto used = divide_up(end.bytes, tables_.pages->geometry().page_size);
    if (used == pages)
        return;
    note(region.info.name + " log",
         fmt::format("{} of its {} pages, which have no record in this state, are given back", pages - used,
                     pages));
    shorten(region, used);
}

/// The newest generation may be an older one now: a log that begins behind it is new to everybody, whatever
/// was read behind it once.
void TableRepair::repair_cursors(Region& region, bool newest_dropped, const LogPlace& end) {
    const auto newest = region.info.newest;
    bool relies = false;
    for (auto& [name, cursor] : region.cursors) {
        const bool is_past = newest_dropped && cursor.generation >= newest;
        const bool is_ahead = cursor.generation >= region.next_number ||
                              (cursor.generation == newest && cursor.sequence > end.last.sequence);
        const auto sequence = is_past ? 0 : end.last.sequence;
        if ((!is_past && !is_ahead) || (cursor.generation == newest && cursor.sequence == sequence))
            continue;
        note(fmt::format("{} cursor {}", region.info.name, name),
             fmt::format("set back from generation {}, record {}, to {}, {}: there is no more",
                         cursor.generation, cursor.sequence, newest, sequence));
        cursor.generation = newest;
        cursor.sequence = sequence;
        relies = relies || sequence > 0;
    }
    if (relies)
        rely_on(region, end);
}

/// What was read is there after a cut as well.
void TableRepair::rely_on(const Region& region, const LogPlace& end) {
    const LogMap map(region.log->segments, tables_.pages->geometry().page_size);
    const auto pieces = map.pieces(0, end.bytes);
    relied_on_.insert(relied_on_.end(), pieces.begin(), pieces.end());
}

}  // namespace pmemckpt::pool
