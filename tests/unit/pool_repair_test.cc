// repair: what can't be good goes and nothing else; a second repair finds nothing. No number goes back, and
// each cursor can go on.
#include "lib/pool/repair.hh"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "lib/base/log.hh"
#include "lib/format/layout.hh"
#include "tests/support/pool_key.hh"
#include "tests/support/repairs.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Bytes;
using test::Forger;
using test::Image;
using test::joined;
using test::Kept;
using test::kPage;
using test::kSilent;
using test::repair_tape;
using test::repaired;
using test::switched;
using test::Tape;
using test::text_of;

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
        const auto bytes = test::encode(superblock);
        std::copy(bytes.begin(), bytes.end(), image.begin());
    };
    const auto second = test::superblock_of(good);
    auto other_pool = second;
    other_pool.uuid.fill(9);
    auto other_state = second;
    other_state.active_half = 1;
    for (const auto& superblock : {other_pool, other_state}) {
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
        CHECK(test::superblock_of(done.image).sequence > test::superblock_of(image).sequence);
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
    test::error(repair(medium, test::pool_key(), {}, {kSilent, refuse}), EDQUOT);
    CHECK(tape->stored == image && tape->persists == 0);
}

void cut_short() {
    auto image = test::lived_in();
    const auto size = image.size();
    const auto good = test::digest_of(image);
    image.resize(test::place_in_generation(image, "b", 1, 19'000));
    const auto tape = std::make_shared<Tape>(image, false);
    test::contains(test::error(repair_tape(tape, {.older_state = true}), EUCLEAN),
                   fmt::format("with its size again (truncate -s {}", size));
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
    const auto report = test::ok(repair(*medium, test::pool_key(), {}, {kSilent, keep}));
    const auto text = text_of(report.plan.changes);
    test::contains(text, "team/app log: its pages from number 3 on are given back");
    test::contains(text, "team/app cursor backup: set back from generation 6, record 4, to 6, 2");
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
                      {"the_disk_can_not_give_it", the_disk_can_not_give_it}});
}
