// time-limit: 240
// repair: what can't be good goes and nothing else; cut at any persist the pool is as it was, or repaired; a
// second repair finds nothing. No number goes back, and each cursor can go on.
#include "lib/pool/repair.hh"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>

#include "lib/base/crc32c.hh"
#include "lib/base/log.hh"
#include "lib/format/layout.hh"
#include "lib/pool/page_holders.hh"
#include "tests/support/lived_pool.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Forger;
using test::Image;
using test::Reached;
using test::Tape;

constexpr std::uint64_t kPage = 4 * kKiB;
using Bytes = std::vector<std::byte>;

const CheckProgress kSilent{[](std::uint64_t) {}, [](std::uint64_t) {}};

/// What `keep` was given.
struct Kept {
    int calls = 0;
    std::map<std::string, Bytes> remains;  ///< by "REGION N" or "REGION N behind"
};

Bytes read_remains(const LogRemains& remains) {
    Bytes bytes;
    test::ok(remains.read([&](std::span<const std::byte> piece) -> Status {
        bytes.insert(bytes.end(), piece.begin(), piece.end());
        return {};
    }));
    test::equal(std::uint64_t{bytes.size()}, remains.bytes);
    return bytes;
}

Result<RepairReport> repair_tape(const std::shared_ptr<Tape>& tape, RepairOptions options = {},
                                 Kept* kept = nullptr) {
    test::RecordingMedium medium(tape);
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
    auto report = repair(medium, options, {kSilent, keep});
    static const auto metadata = test::superblock_of(test::fresh_image()).pages_offset;
    CHECK(!report || report->plan.changes.empty() || report->plan.metadata_bytes == metadata);
    CHECK(std::equal(before.begin() + static_cast<std::ptrdiff_t>(metadata), before.end(),
                     tape->stored.begin() + static_cast<std::ptrdiff_t>(metadata)));
    return report;
}

std::string text_of(const std::vector<Change>& changes) {
    std::string text;
    for (const auto& change : changes)
        text += fmt::format("{}: {}\n", change.where, change.message);
    return text;
}

std::string text_of(const std::vector<Finding>& findings) {
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
Inventory inventory(Pool& pool) {
    Inventory found;
    for (const auto& region : pool.regions("", SIZE_MAX)) {
        found.regions.emplace(region.name, region);
        for (const auto& info : test::ok(pool.generations(region.name, 0, SIZE_MAX))) {
            auto bytes = test::content(pool, *test::ok(pool.open_generation(region.name, info.number)));
            if (crc32c(bytes) == info.crc32c)
                found.generations[region.name][info.number] = {std::move(bytes), info.pinned};
        }
        found.records[region.name] = test::log_payloads(pool, region.name);
    }
    return found;
}

Bytes joined(const std::vector<Bytes>& records) {
    Bytes all;
    for (const auto& record : records)
        all.insert(all.end(), record.begin(), record.end());
    return all;
}

bool same_settings(const RegionInfo& a, const RegionInfo& b) {
    return a.id == b.id && a.owner == b.owner && a.settings.keep == b.settings.keep &&
           a.settings.max_size == b.settings.max_size && a.settings.keep_age_ns == b.settings.keep_age_ns &&
           a.created_ns == b.created_ns;
}

/// Of what verified before, all is there and equal, or was handed out.
void check_nothing_is_lost(const Inventory& before, Pool& pool, const Kept& kept) {
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
void check_cursors_can_go_on(Pool& pool) {
    for (const auto& region : pool.regions("", SIZE_MAX)) {
        const auto view = test::ok(pool.read_log(region.name));
        for (const auto& cursor : test::ok(pool.cursors(region.name)))
            if (cursor.generation == region.newest)
                CHECK(cursor.sequence <= view.log.records);
    }
}

/// And a region's next number is above all that it had.
void check_it_can_be_used(Pool& pool) {
    for (const auto& region : pool.regions("", SIZE_MAX)) {
        const auto sealed = test::ok(test::save(pool, region.name, test::random_bytes(10)));
        CHECK(sealed.number > region.newest);
        test::LogWriter writer(pool, test::ok(pool.open_log(region.name, 1000)));
        writer.append(test::random_bytes(100));
        test::ok(pool.advance_cursor(region.name, {"new", sealed.number, 1}));
    }
    const auto made = test::ok(pool.create_region("made.after.it", "alice", {}));
    for (const auto& region : pool.regions("", SIZE_MAX))
        CHECK(region.name == made.name || region.id < made.id);
}

/// With the snapshot that its other half still has.
Image with_snapshot(Image image) {
    const test::RecordingMedium medium(std::make_shared<Tape>(image, false));
    if (const auto snapshot = find_lost_snapshot(medium))
        std::ranges::copy(snapshot->bytes, image.begin() + static_cast<std::ptrdiff_t>(snapshot->at.bytes));
    return image;
}

struct Repaired {
    Image image;
    RepairReport report;
    Kept kept;
};
/// Repairs, and looks that all is as it is promised of any repair.
Repaired repaired(const Image& image, RepairOptions options = {},
                  const test::Place& place = test::Place::current()) {
    Repaired done;
    const auto before = inventory(*test::rescued_pool(with_snapshot(image)));
    const auto tape = std::make_shared<Tape>(image, false);
    done.report = test::ok(repair_tape(tape, options, &done.kept), place);
    done.image = tape->stored;
    test::equal(text_of(done.report.after.findings), std::string(), place);
    CHECK((done.kept.calls == 0) == done.report.plan.changes.empty() && done.kept.calls <= 2);
    const auto again = test::ok(repair_tape(tape, options), place);
    test::equal(text_of(again.plan.changes), std::string(), place);
    CHECK(tape->stored == done.image);
    const auto pool = test::ok(test::open_image(done.image), place);
    test::equal(test::pages_owned_twice(*pool), std::string(), place);
    check_nothing_is_lost(before, *pool, done.kept);
    check_cursors_can_go_on(*pool);
    check_it_can_be_used(*pool);
    return done;
}

/// digest() with some lines taken out or put in place of others.
std::string edited(std::string text, const std::vector<std::pair<std::string, std::string>>& edits) {
    for (const auto& [from, to] : edits) {
        const auto at = text.find(from);
        if (at == std::string::npos)
            test::fail_at(test::Place::current(), from + " is not in\n" + text);
        text.replace(at, from.size(), to);
    }
    return text;
}

std::string line_with(const std::string& text, const std::string& part) {
    const auto at = text.find(part);
    CHECK(at != std::string::npos);
    const auto begin = text.rfind('\n', at) + 1;
    return text.substr(begin, text.find('\n', at) + 1 - begin);
}

void a_good_pool_is_left_alone() {
    for (const auto& image : {test::fresh_image(), test::lived_in()}) {
        const auto done = repaired(image);
        CHECK(done.image == image && done.report.plan.changes.empty() && done.kept.calls == 0);
    }
}

void an_older_generation_is_dropped() {
    auto image = test::lived_in();
    const auto good = test::digest_of(image);
    test::flip(image, test::place_in_generation(image, "team/app", 4, 4500));
    const auto done = repaired(image);
    test::contains(text_of(done.report.plan.changes), "team/app@4: dropped: its 5000 bytes have CRC-32C");
    test::equal(done.report.plan.changes.size(), std::size_t{1});
    const auto bytes_before = line_with(good, "team/app id");
    test::equal(test::digest_of(done.image),
                edited(good, {{line_with(good, "  4 length"), ""}, {"n 3 bytes 29690", "n 2 bytes 24690"}}));
}

/// Its log goes on from a state that is gone; the cursors go to what is the newest now, and to none of its
/// log.
void the_newest_takes_its_log_with_it() {
    const auto tape = std::make_shared<Tape>(test::lived_in(), false);
    {
        const auto pool = test::ok(test::open_tape(tape));
        test::ok(pool->advance_cursor("team/app", {"old", 3, 7}));
        test::ok(pool->advance_cursor("team/app", {"between", 5, 2}));
        test::ok(pool->advance_cursor("team/app", {"at.it", 6, 0}));
        test::ok(pool->pin("team/app", 6, true));
    }
    auto image = tape->stored;
    const auto good = test::digest_of(image);
    const auto records = test::log_payloads(*test::ok(test::open_image(image)), "team/app");
    // Page 0 alone is the newest's own: the rest is shared with generation 5.
    test::flip(image, test::place_in_generation(image, "team/app", 6, 100));
    const auto done = repaired(image);
    const auto text = text_of(done.report.plan.changes);
    test::contains(text, "team/app@6: dropped: its 12345 bytes have CRC-32C");
    test::contains(text, "; it was pinned");
    test::contains(text,
                   "team/app log: dropped, with 5 records: generation 6, which they follow, is dropped");
    test::contains(text, "team/app cursor backup: set back from generation 6, record 4, to 5, 0");
    test::equal(done.report.plan.changes.size(), std::size_t{5});
    CHECK(done.kept.remains.size() == 1 && done.kept.remains.at("team/app 6") == joined(records));
    test::equal(test::digest_of(done.image),
                edited(good, {{line_with(good, "  6 length"), ""},
                              {line_with(good, "  log "), ""},
                              {"newest 6 n 3 bytes 29690", "newest 5 n 2 bytes 17345"},
                              {"cursor at.it at 6 0", "cursor at.it at 5 0"},
                              {"cursor backup at 6 4", "cursor backup at 5 0"},
                              {"cursor between at 5 2", "cursor between at 5 0"}}));
    // The next number is 7, not 6, and who was at 6 has not read it.
    const auto pool = test::ok(test::open_image(done.image));
    test::LogWriter writer(*pool, test::ok(pool->open_log("team/app", 1000)));
    writer.append(test::random_bytes(10));
    test::ok(pool->advance_cursor("team/app", {"backup", 5, 1}));
    test::equal(test::ok(test::save(*pool, "team/app", {})).number, std::uint64_t{7});
    test::ok(pool->advance_cursor("team/app", {"backup", 7, 0}));
}

void all_generations_are_bad() {
    auto image = test::lived_in();
    for (const std::uint64_t number : {4, 5})
        test::flip(image, test::place_in_generation(image, "team/app", number, 4100));
    test::flip(image, test::place_in_generation(image, "team/app", 6, 3));
    test::flip(image, test::place_in_generation(image, "b", 1, 3));
    const auto done = repaired(image);
    const auto digest = test::digest_of(done.image);
    test::contains(
        digest, "b id 2 owner bob keep 1 age 0 max 0 epoch 1 newest 0 n 0 bytes 0\n  cursor backup at 0 0");
    test::contains(digest, "epoch 2 newest 0 n 0 bytes 0\n  cursor backup at 0 0");
    const auto pool = test::ok(test::open_image(done.image));
    test::equal(pool->info().free_pages, pool->info().pages);
    test::equal(test::ok(test::save(*pool, "b", {})).number, std::uint64_t{2});
}

void superblocks_are_written_anew() {
    const auto good = test::lived_in();
    for (unsigned slot = 0; slot < 2; ++slot) {
        auto image = good;
        test::flip(image, format::kSuperblockOffset[slot] + 100);
        const auto done = repaired(image);
        test::equal(text_of(done.report.plan.changes),
                    std::string(slot == 0 ? "superblock A" : "superblock B") +
                        ": written anew: it does not verify\n");
        test::equal(test::digest_of(done.image), test::digest_of(good));
    }
    auto image = good;
    test::flip(image, 100);
    test::flip(image, format::kSuperblockBytes + 100);
    test::error(repair_tape(std::make_shared<Tape>(image, false), {.older_state = true}), EUCLEAN);
    std::fill_n(image.begin(), 2 * format::kSuperblockBytes, std::byte{});
    test::error(repair_tape(std::make_shared<Tape>(image, false)), EUCLEAN);
}

/// Which of two is right can't be told: nothing is changed, whatever is asked for.
void undecidable_superblocks() {
    const auto good = test::lived_in();
    const auto put = [](Image& image, const format::Superblock& superblock) {
        const auto bytes = format::encode(superblock);
        std::copy(bytes.begin(), bytes.end(), image.begin());
    };
    const auto second = test::superblock_of(good);
    auto other_key = second;
    other_key.manager_key.fill(9);
    auto other_state = second;
    other_state.active_half = 1;
    for (const auto& superblock : {other_key, other_state}) {
        auto image = good;
        put(image, superblock);
        const auto tape = std::make_shared<Tape>(image, false);
        test::contains(test::error(repair_tape(tape, {.older_state = true}), EUCLEAN),
                       "nothing says which one is right");
        CHECK(tape->stored == image && tape->persists == 0);
    }
    auto image = good;
    put(image, second);
    const auto done = repaired(image);
    test::contains(text_of(done.report.plan.changes), "superblock B: written anew: it has sequence 2, as");
    test::equal(test::digest_of(done.image), test::digest_of(good));
}

void a_torn_tail_is_left_out() {
    auto image = test::lived_in();
    const auto last = test::records_of(image).back();
    test::flip(image, last.at + last.length - 1);
    const auto state = test::digest_of(image);
    const auto done = repaired(image);
    test::equal(text_of(done.report.plan.changes),
                fmt::format("journal: record {}, which is not whole, is left out\n",
                            test::records_of(image).size() + 1));
    test::equal(test::digest_of(done.image), state);
}

/// A record that does not verify ends the log. Those behind it are handed out, and the cursor goes back to
/// its end; what is appended there then is new to its backup.
void damage_in_a_log() {
    const auto good = test::lived_in();
    const auto records = test::log_payloads(*test::ok(test::open_image(good)), "team/app");
    const auto length = format::log_record_bytes(3000);
    for (std::uint64_t index = 0; index < 4; ++index) {
        auto image = good;
        test::flip(image, test::place_in_log(good, "team/app", index * length + 1000));
        const auto done = repaired(image);
        const auto text = text_of(done.report.plan.changes);
        test::contains(
            text,
            fmt::format("team/app cursor backup: set back from generation 6, record 4, to 6, {}", index));
        test::contains(
            text, fmt::format("team/app log: ends before record{} {}", index == 3 ? "" : "s", index + 2));
        const std::vector<Bytes> behind(records.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                                        records.end());
        CHECK(done.kept.remains.at("team/app 6 behind") == joined(behind));
        const auto pool = test::ok(test::open_image(done.image));
        test::equal(test::ok(pool->read_log("team/app")).log.records, index);
        test::LogWriter writer(*pool, test::ok(pool->open_log("team/app", 10'000)));
        writer.append(test::random_bytes(3000));
        test::equal(test::ok(pool->read_log("team/app")).log.records, index + 1);
        test::ok(pool->advance_cursor("team/app", {"backup", 6, index + 1}));
    }
}

/// Rolled back: the numbers that lost records may have given out are not given out again.
void an_older_state_is_asked_for() {
    const auto good = test::lived_in();
    const auto records = test::records_of(good);
    const auto newest = test::ok(test::open_image(good));
    for (std::size_t index = 1; index + 1 < records.size(); ++index) {
        auto image = good;
        test::flip(image, records[index].at + 30);
        const auto tape = std::make_shared<Tape>(image, false);
        const auto refused = test::error(repair_tape(tape), EUCLEAN);
        test::contains(refused, "repair with --older-state");
        test::contains(refused, fmt::format("records {} to {} of the journal", index + 1, records.size()));
        CHECK(tape->stored == image && tape->persists == 0);
        const auto done = repaired(image, {.older_state = true});
        test::equal(done.report.plan.older->first_lost, std::uint64_t{index + 1});
        test::equal(done.report.plan.older->last_lost, std::uint64_t{records.size()});
        const auto pool = test::ok(test::open_image(done.image));
        for (const auto& region : pool->regions("", SIZE_MAX)) {
            const auto had = test::ok(newest->find_region(region.name));
            CHECK(region.epoch >= had.epoch);
            CHECK(test::ok(test::save(*pool, region.name, {})).number > had.newest);
        }
        CHECK(test::ok(pool->create_region("c", "alice", {})).id > 2);
    }
    auto image = good;
    test::flip(image, records[0].at + 30);
    test::error(repair_tape(std::make_shared<Tape>(image, false), {.older_state = true}), EUCLEAN);
}

/// Of an older state and its log: records of openings that the journal has lost are still records.
void records_of_lost_openings_stay() {
    const auto tape = std::make_shared<Tape>(test::fresh_image(), false);
    {
        const auto pool = test::ok(test::open_tape(tape));
        test::ok(pool->create_region("a", "alice", {}));
        test::LogWriter first(*pool, test::ok(pool->open_log("a", 3000)));
        first.append(test::random_bytes(100));
        test::ok(pool->create_region("b", "alice", {}));
        test::ok(pool->take_over("a"));
        test::LogWriter second(*pool, test::ok(pool->open_log("a", 100)));
        second.append(test::random_bytes(100));
    }
    auto image = tape->stored;
    test::flip(image, test::records_of(image).at(2).at + 30);  // region b
    const auto done = repaired(image, {.older_state = true});
    const auto pool = test::ok(test::open_image(done.image));
    test::equal(test::ok(pool->read_log("a")).log.records, std::uint64_t{2});
    test::equal(pool->regions("", 10).size(), std::size_t{1});
}

/// Lives until the half was switched, with the newest state in half 1.
Image switched() {
    const auto tape = std::make_shared<Tape>(test::fresh_image(), false);
    const auto pool = test::ok(test::open_tape(tape));
    test::live(*pool);
    for (std::uint32_t keep = 3; pool->info().journal_switches == 0; keep = 7 - keep)
        test::ok(pool->set_retention("team/app", keep, 0));
    test::ok(pool->take_over("b"));
    return tape->stored;
}

/// The half before it has the same state: nothing is lost, and nothing else is written.
void a_damaged_snapshot_is_written_anew() {
    const auto good = switched();
    const auto records = test::records_of(good, 1);
    const auto snapshot = test::superblock_of(good).snapshot_records;
    CHECK(snapshot > 5 && snapshot < records.size());
    for (std::size_t index = 0; index < snapshot; ++index) {
        auto image = good;
        test::flip(image, records[index].at + test::generator()() % records[index].length);
        const auto done = repaired(image);
        CHECK(done.image == good && !done.report.plan.older);
        test::contains(text_of(done.report.plan.changes),
                       fmt::format("journal: 1 of its snapshot's {} records are written anew", snapshot));
    }
    // And what else there is to be done is done as well.
    auto image = good;
    test::flip(image, records[2].at + 30);
    test::flip(image, test::place_in_generation(good, "team/app", 4, 0));
    const auto tape = std::make_shared<Tape>(image, false);
    Kept kept;
    const auto report = test::ok(repair_tape(tape, {}, &kept));
    CHECK(kept.calls == 2 && report.plan.changes.size() == 2 && report.after.findings.empty());
    test::contains(text_of(report.plan.changes), "team/app@4: dropped");
}

/// Whatever half the state lies in, and whatever the superblocks name: what repair writes is the newest.
void a_snapshot_that_can_not_be_had() {
    const auto good = switched();
    const auto records = test::records_of(good, 1);
    const auto before = test::records_of(good, 0);
    for (const std::size_t index : {std::size_t{0}, std::size_t{3}, std::size_t{5}}) {
        auto image = good;
        test::flip(image, records[index].at + 30);
        test::flip(image, before[before.size() - 2].at + 30);
        const auto regions = test::rescued_pool(image)->regions("", 10).size();
        test::contains(test::error(repair_tape(std::make_shared<Tape>(image, false)), EUCLEAN),
                       "; nothing was changed: ");
        const auto done = repaired(image, {.older_state = true});
        CHECK(done.report.plan.older->last_lost >= test::superblock_of(good).first_sequence);
        const auto pool = test::ok(test::open_image(done.image));
        CHECK(test::ok(pool->find_region("b")).epoch >= 2);
        test::equal(pool->regions("", 10).size(), regions);
    }
}

/// The settings of a region are the operator's: what does not fit them stays, and is told.
void what_can_not_be_mended_is_told() {
    Forger forger;
    forger.add(format::Kind::region_put, format::RegionPut{1, 1, 1, 10, 0, 3, "a", "alice"});
    forger.add(format::Kind::generation_seal,
               format::GenerationSeal{1, 1, 4096, 0, 1, 0x98f94189, 1, "alice", {{5, 1}}, {}});
    const auto tape = std::make_shared<Tape>(forger.image(), false);
    const auto report = test::ok(repair_tape(tape));
    CHECK(report.plan.changes.empty() && tape->stored == forger.image());
    test::contains(text_of(report.after.findings), "the region's largest size is 10");
}

void no_room_changes_nothing() {
    Forger forger;
    std::uint64_t id = 0;
    const auto half = test::superblock_of(test::fresh_image()).half_size;
    const auto name = [](std::uint64_t number) {
        return fmt::format("{:05}", number) + std::string(249, 'n');
    };
    const auto bytes =
        format::record_bytes(format::encode(format::RegionPut{1, 1, 1, 0, 0, 3, name(1), "alice"}).size());
    while ((id + 1) * bytes <= half - 100) {
        ++id;
        forger.region(id, name(id));
    }
    auto image = forger.image();
    test::flip(image, 100);
    const auto tape = std::make_shared<Tape>(image, false);
    test::contains(test::error(repair_tape(tape), ENOSPC), "journal is full");
    CHECK(tape->stored == image);
    // And when the disk has none: the half that nobody reads is lost, and no more.
    auto lived = test::lived_in();
    test::flip(lived, 100);
    const auto state = test::digest_of(lived);
    const auto full = std::make_shared<Tape>(lived, false);
    full->blank_result = [](Extent) { return ENOSPC; };
    test::error(repair_tape(full), ENOSPC);
    test::equal(test::digest_of(full->stored), state);
}

void keep_can_say_no() {
    auto image = test::lived_in();
    test::flip(image, 100);
    const auto tape = std::make_shared<Tape>(image, false);
    test::RecordingMedium medium(tape);
    const auto refuse = [](const RepairPlan&) -> Status { return fail(EDQUOT, "no room for a copy"); };
    test::error(repair(medium, {}, {kSilent, refuse}), EDQUOT);
    CHECK(tape->stored == image && tape->persists == 0);
}

void cut_short() {
    auto image = test::lived_in();
    const auto size = image.size();
    const auto good = test::digest_of(image);
    image.resize(test::place_in_generation(image, "b", 1, 19'000));
    const auto tape = std::make_shared<Tape>(image, false);
    test::contains(test::error(repair_tape(tape, {.older_state = true}), EUCLEAN),
                   fmt::format("first give it its size again (truncate -s {}", size));
    image.resize(size);
    const auto done = repaired(image);
    test::contains(text_of(done.report.plan.changes), "b@1: dropped");
}

/// As with a bad block: the generations there go, and of a log what lies before it stays.
void the_disk_can_not_give_it() {
    const auto image = test::lived_in();
    const auto path = (test::directory() / "pool").string();
    std::ofstream(path).write(reinterpret_cast<const char*>(image.data()),
                              static_cast<std::streamsize>(image.size()));
    const auto medium = test::ok(media::open_medium(path, media::Use::exclusive));
    // The log has the highest pages; two of its five records fit the first two.
    const auto page = test::place_in_log(image, "team/app", 2 * kPage);
    std::filesystem::resize_file(path, page);
    const auto keep = [&](const RepairPlan&) -> Status {
        std::filesystem::resize_file(path, image.size());
        return {};
    };
    const auto report = test::ok(repair(*medium, {}, {kSilent, keep}));
    const auto text = text_of(report.plan.changes);
    test::contains(text, "team/app log: its pages from number 3 on are given back");
    test::contains(text, "team/app cursor backup: set back from generation 6, record 4, to 6, 2");
}

struct Damage {
    const char* name;
    Image image;
    RepairOptions options;
};
std::vector<Damage> damages() {
    std::vector<Damage> all;
    const auto lived = test::lived_in();
    const auto in_half_1 = switched();
    const auto add = [&](const char* name, const Image& from, std::uint64_t at, RepairOptions options = {}) {
        all.push_back({name, from, options});
        test::flip(all.back().image, at);
    };
    add("superblock A", lived, 100);
    add("superblock B", lived, 4196);
    add("superblock A, half 1", in_half_1, 100);
    add("superblock B, half 1", in_half_1, 4196);
    add("the newest", lived, test::place_in_generation(lived, "team/app", 0, 3));
    add("the newest, half 1", in_half_1, test::place_in_generation(in_half_1, "team/app", 0, 3));
    add("a log", lived, test::place_in_log(lived, "team/app", 4000));
    add("a log, half 1", in_half_1, test::place_in_log(in_half_1, "team/app", 4000));
    const auto records = test::records_of(lived);
    add("journal", lived, records.at(4).at + 30, {.older_state = true});
    add("journal's last", lived, records.back().at + 30);
    const auto half_1 = test::records_of(in_half_1, 1);
    add("snapshot", in_half_1, half_1.at(3).at + 30);
    add("snapshot, and a superblock", in_half_1, half_1.at(3).at + 30);
    test::flip(all.back().image, 100);
    const auto half_0 = test::records_of(in_half_1, 0);
    const auto lost = [&](const char* name, std::size_t record) {
        add(name, in_half_1, half_1.at(record).at + 30, {.older_state = true});
        test::flip(all.back().image, half_0.at(half_0.size() - 2).at + 30);
    };
    lost("snapshot and the half before", 3);
    lost("snapshot's first and the half before", 0);
    lost("snapshot, the half before and a superblock", 3);
    test::flip(all.back().image, 100);
    return all;
}

/// As it was or repaired, and a repair of that comes to the same.
void the_power_is_cut() {
    for (const auto& damage : damages()) {
        const auto before = test::rescued_digest(damage.image);
        const auto whole = std::make_shared<Tape>(damage.image, false);
        test::ok(repair_tape(whole, damage.options));
        const auto after = test::digest_of(whole->stored);
        const auto tape = test::make_tape(damage.image);
        const auto look = [&](Extent) {
            for (const auto reached : {Reached::durable, Reached::random, Reached::all}) {
                const auto image = test::cut(*tape, reached, test::generator());
                const auto state = test::rescued_digest(image);
                if (state != before && state != after)
                    test::fail_at(test::Place::current(),
                                  fmt::format("{}: after a cut it is\n{}and was\n{}or is\n{}", damage.name,
                                              state, before, after));
                const auto again = std::make_shared<Tape>(image, false);
                test::ok(repair_tape(again, damage.options));
                test::equal(test::digest_of(again->stored), after);
            }
        };
        tape->before_persist = look;
        tape->after_persist = look;
        test::ok(repair_tape(tape, damage.options));
        test::equal(test::digest_of(tape->durable), after);
    }
}

/// A failed persist: the same, and it is told.
void the_disk_fails() {
    for (const auto& damage : damages()) {
        const auto before = test::rescued_digest(damage.image);
        const auto whole = std::make_shared<Tape>(damage.image, false);
        test::ok(repair_tape(whole, damage.options));
        const auto after = test::digest_of(whole->stored);
        for (std::uint64_t failing = 1;; ++failing) {
            const auto tape = std::make_shared<Tape>(damage.image, false);
            tape->persist_result = [&](Extent) { return tape->persists == failing ? EIO : 0; };
            const auto report = repair_tape(tape, damage.options);
            tape->persist_result = nullptr;
            if (report)
                break;
            test::error(report, EIO);
            const auto state = test::rescued_digest(tape->stored);
            CHECK(state == before || state == after);
        }
    }
}

std::uint64_t random_place(const Image& image, const std::vector<std::uint64_t>& used) {
    auto& random = test::generator();
    switch (random() % 4) {
        case 0: return random() % (2 * format::kSuperblockBytes);
        case 1: return format::kJournalOffset + random() % 3000;
        case 2: return test::superblock_of(image).half_offset[1] + random() % 3000;
        default: return used[random() % used.size()] + random() % kPage;
    }
}

/// Pages that generations and logs have.
std::vector<std::uint64_t> used_pages(const Image& image) {
    std::vector<std::uint64_t> used;
    const auto pool = test::ok(test::open_image(image));
    for (const auto& region : pool->regions("", SIZE_MAX)) {
        for (const auto& info : test::ok(pool->generations(region.name, 0, SIZE_MAX)))
            std::ranges::copy(test::ok(pool->open_generation(region.name, info.number))->page_offsets(),
                              std::back_inserter(used));
        for (const auto& segment : test::ok(pool->read_log(region.name)).segments)
            std::ranges::copy(segment.page_offsets, std::back_inserter(used));
    }
    return used;
}

/// Anything anywhere: it is repaired, or it is said that it can't be and nothing is changed.
void random_damage() {
    std::size_t mended = 0, refused = 0;
    for (const auto& good : {test::lived_in(), switched()}) {
        const auto used = used_pages(good);
        for (int round = 0; round < (test::under_valgrind() ? 3 : 50); ++round) {
            auto& random = test::generator();
            auto image = good;
            for (auto places = 1 + random() % 3; places > 0; --places) {
                const auto junk =
                    random() % 2 ? test::random_bytes(1 + random() % 600) : Bytes(1 + random() % 600);
                const auto at = random_place(image, used);
                std::copy_n(junk.begin(), std::min<std::size_t>(junk.size(), image.size() - at),
                            image.begin() + static_cast<std::ptrdiff_t>(at));
            }
            const auto tape = std::make_shared<Tape>(image, false);
            const auto first = repair_tape(tape, {.older_state = true});
            if (!first) {
                test::error(first, EUCLEAN);
                CHECK(tape->stored == image);
                ++refused;
                continue;
            }
            mended += !first->plan.changes.empty();
            repaired(image, {.older_state = true});
        }
    }
    CHECK(mended > 0 && (refused > 0 || test::under_valgrind()));
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each torn tail is a notice
    return test::run("pool_repair",
                     {{"a_good_pool_is_left_alone", a_good_pool_is_left_alone},
                      {"an_older_generation_is_dropped", an_older_generation_is_dropped},
                      {"the_newest_takes_its_log_with_it", the_newest_takes_its_log_with_it},
                      {"all_generations_are_bad", all_generations_are_bad},
                      {"superblocks_are_written_anew", superblocks_are_written_anew},
                      {"undecidable_superblocks", undecidable_superblocks},
                      {"a_torn_tail_is_left_out", a_torn_tail_is_left_out},
                      {"damage_in_a_log", damage_in_a_log},
                      {"an_older_state_is_asked_for", an_older_state_is_asked_for},
                      {"records_of_lost_openings_stay", records_of_lost_openings_stay},
                      {"a_damaged_snapshot_is_written_anew", a_damaged_snapshot_is_written_anew},
                      {"a_snapshot_that_can_not_be_had", a_snapshot_that_can_not_be_had},
                      {"what_can_not_be_mended_is_told", what_can_not_be_mended_is_told},
                      {"no_room_changes_nothing", no_room_changes_nothing},
                      {"keep_can_say_no", keep_can_say_no},
                      {"cut_short", cut_short},
                      {"the_disk_can_not_give_it", the_disk_can_not_give_it},
                      {"the_power_is_cut", the_power_is_cut},
                      {"the_disk_fails", the_disk_fails},
                      {"random_damage", random_damage}});
}
