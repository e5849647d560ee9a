#pragma once
// Repairs, and what is promised of each one.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/crc32c.hh"
#include "lib/pool/repair.hh"
#include "tests/support/lived_pool.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::test {

using namespace pmemckpt::pool;

inline constexpr std::uint64_t kPage = 4 * kKiB;
using Bytes = std::vector<std::byte>;

inline const CheckProgress kSilent{[](std::uint64_t) {}, [](std::uint64_t) {}};

/// What `keep` was given.
struct Kept {
    int calls = 0;
    std::map<std::string, Bytes> remains;  ///< by "REGION N" or "REGION N behind"
};

inline Bytes read_remains(const LogRemains& remains) {
    Bytes bytes;
    ok(remains.read([&](std::span<const std::byte> piece) -> Status {
        bytes.insert(bytes.end(), piece.begin(), piece.end());
        return {};
    }));
    test::equal(std::uint64_t{bytes.size()}, remains.bytes);
    return bytes;
}

inline Result<RepairReport> repair_tape(const std::shared_ptr<Tape>& tape, RepairOptions options = {},
                                        Kept* kept = nullptr) {
    RecordingMedium medium(tape);
    const auto before = tape->stored;
    int calls = 0;
    const auto keep = [&](const RepairPlan& plan) -> Status {
        const bool is_first = calls++ == 0;
        CHECK((tape->stored == before) == is_first && !plan.changes.empty());
        for (const auto& remains : plan.remains)
            if (kept)
                kept->remains[fmt::format("{} {}{}", remains.region, remains.generation,
                                          remains.behind_end ? " behind" : "")] = read_remains(remains);
        if (kept)
            ++kept->calls;
        return {};
    };
    auto report = repair(medium, pool_key(), options, {kSilent, keep});
    static const auto metadata = superblock_of(fresh_image()).pages_offset;
    CHECK(!report || report->plan.changes.empty() || report->plan.metadata_bytes == metadata);
    CHECK(std::equal(before.begin() + static_cast<std::ptrdiff_t>(metadata), before.end(),
                     tape->stored.begin() + static_cast<std::ptrdiff_t>(metadata)));
    return report;
}

inline std::string text_of(const std::vector<Change>& changes) {
    std::string text;
    for (const auto& change : changes)
        text += fmt::format("{}: {}\n", change.where, change.message);
    return text;
}

inline std::string text_of(const std::vector<Finding>& findings) {
    std::string text;
    for (const auto& finding : findings)
        text += fmt::format("{}: {}: {}\n", to_string(finding.severity), finding.where, finding.message);
    return text;
}

/// All that a pool has to lose, where it can be had.
struct Inventory {
    std::map<std::string, RegionInfo> regions;
    std::map<std::string, std::map<std::uint64_t, std::pair<Bytes, bool>>>
        generations;  ///< that verify; pinned?
    std::map<std::string, std::vector<Bytes>> records;
};
inline Inventory inventory(Pool& pool) {
    Inventory found;
    for (const auto& region : pool.regions("", SIZE_MAX)) {
        found.regions.emplace(region.name, region);
        for (const auto& info : ok(pool.generations(region.name, 0, SIZE_MAX))) {
            auto bytes = content(pool, *ok(pool.open_generation(region.name, info.number)));
            if (crc32c(bytes) == info.crc32c)
                found.generations[region.name][info.number] = {std::move(bytes), info.pinned};
        }
        found.records[region.name] = log_payloads(pool, region.name);
    }
    return found;
}

inline Bytes joined(const std::vector<Bytes>& records) {
    Bytes all;
    for (const auto& record : records)
        all.insert(all.end(), record.begin(), record.end());
    return all;
}

inline bool same_settings(const RegionInfo& a, const RegionInfo& b) {
    return a.id == b.id && a.owner == b.owner && a.settings.keep == b.settings.keep &&
           a.settings.max_size == b.settings.max_size && a.settings.keep_age_ns == b.settings.keep_age_ns &&
           a.created_ns == b.created_ns;
}

/// Of what verified before, all is there and equal, or was handed out.
inline void check_nothing_is_lost(const Inventory& before, Pool& pool, const Kept& kept) {
    const auto after = inventory(pool);
    test::equal(after.regions.size(), before.regions.size());
    for (const auto& [name, region] : before.regions) {
        CHECK(same_settings(region, after.regions.at(name)) && region.epoch <= after.regions.at(name).epoch);
        const auto generations = before.generations.find(name);
        const auto left = after.generations.find(name);
        CHECK((generations == before.generations.end()) == (left == after.generations.end()));
        CHECK(left == after.generations.end() || left->second == generations->second);
        auto records = before.records.at(name);
        const auto& now = after.records.at(name);
        const auto remains = kept.remains.find(fmt::format("{} {}", name, region.newest));
        if (remains != kept.remains.end()) {
            CHECK(now.empty() && remains->second == joined(records));
            continue;
        }
        CHECK(now.size() >= records.size() && std::equal(records.begin(), records.end(), now.begin()));
    }
}

/// Each cursor is where its backup can go on: all that comes is new to it.
inline void check_cursors_can_go_on(Pool& pool) {
    for (const auto& region : pool.regions("", SIZE_MAX)) {
        const auto view = ok(pool.read_log(region.name));
        for (const auto& cursor : ok(pool.cursors(region.name)))
            if (cursor.generation == region.newest)
                CHECK(cursor.sequence <= view.log.records);
    }
}

/// And a region's next number is above all that it had.
inline void check_it_can_be_used(Pool& pool) {
    for (const auto& region : pool.regions("", SIZE_MAX)) {
        const auto sealed = ok(save(pool, region.name, random_bytes(10)));
        CHECK(sealed.number > region.newest);
        LogWriter writer(pool, ok(pool.open_log(region.name, 1000)));
        writer.append(random_bytes(100));
        ok(pool.advance_cursor(region.name, {"new", sealed.number, 1}));
    }
    const auto made = ok(pool.create_region("made.after.it", "alice", {}));
    for (const auto& region : pool.regions("", SIZE_MAX))
        CHECK(region.name == made.name || region.id < made.id);
}

/// With the snapshot that its other half still has.
inline Image with_snapshot(Image image) {
    const RecordingMedium medium(std::make_shared<Tape>(image, false));
    if (const auto snapshot = find_lost_snapshot(medium, pool_key()))
        std::ranges::copy(snapshot->bytes, image.begin() + static_cast<std::ptrdiff_t>(snapshot->at.bytes));
    return image;
}

struct Repaired {
    Image image;
    RepairReport report;
    Kept kept;
};
/// Repairs, and looks that all is as it is promised of any repair.
inline Repaired repaired(const Image& image, RepairOptions options = {},
                         const Place& place = Place::current()) {
    Repaired done;
    const auto before = inventory(*rescued_pool(with_snapshot(image)));
    const auto tape = std::make_shared<Tape>(image, false);
    done.report = ok(repair_tape(tape, options, &done.kept), place);
    done.image = tape->stored;
    test::equal(text_of(done.report.after.findings), std::string(), place);
    CHECK((done.kept.calls == 0) == done.report.plan.changes.empty() && done.kept.calls <= 2);
    const auto again = ok(repair_tape(tape, options), place);
    test::equal(text_of(again.plan.changes), std::string(), place);
    CHECK(tape->stored == done.image);
    const auto pool = ok(open_image(done.image), place);
    test::equal(pages_owned_twice(*pool), std::string(), place);
    check_nothing_is_lost(before, *pool, done.kept);
    check_cursors_can_go_on(*pool);
    check_it_can_be_used(*pool);
    return done;
}

/// Lives until the half was switched, with the newest state in half 1.
inline Image switched() {
    const auto tape = std::make_shared<Tape>(fresh_image(), false);
    const auto pool = ok(open_tape(tape));
    live(*pool);
    for (std::uint32_t keep = 3; pool->info().journal_switches == 0; keep = 7 - keep)
        ok(pool->set_retention("team/app", keep, 0));
    ok(pool->take_over("b"));
    return tape->stored;
}

}  // namespace pmemckpt::test
