// check: a good pool has no finding, whatever cut it; each kind of damage has one; nothing is ever written.
// And rescue: the state that is left is one that the pool was in.
#include "lib/pool/check.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "lib/base/log.hh"
#include "lib/format/layout.hh"
#include "lib/media/inspect.hh"
#include "lib/pool/page_holders.hh"
#include "tests/support/check.hh"
#include "tests/support/forger.hh"
#include "tests/support/lived_pool.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Forger;
using test::Image;
using test::superblock_of;
using test::Tape;

constexpr std::uint64_t kPage = 4 * kKiB;

/// Also: the medium is left as it is, and the progress comes to its total.
Result<CheckReport> check_image(const Image& image, const Key* key = &test::pool_key()) {
    const auto tape = std::make_shared<Tape>(image, false);
    tape->read_only = true;
    const test::RecordingMedium medium(tape);
    std::uint64_t total = 0, done = 0;
    auto report =
        check(medium, key,
              {[&](std::uint64_t bytes) { total = bytes; }, [&](std::uint64_t bytes) { done += bytes; }});
    CHECK(tape->stored == image && tape->persists == 0);
    CHECK(done <= total && (!report || !report->findings.empty() || done == total));
    return report;
}

std::string text_of(const CheckReport& report) {
    std::string text;
    for (const auto& finding : report.findings)
        text += fmt::format("{}: {}: {}\n", to_string(finding.severity), finding.where, finding.message);
    return text;
}

/// The one finding.
void finds(const Image& image, Severity severity, const std::string& where, const std::string& part,
           const test::Place& place = test::Place::current()) {
    const auto report = test::ok(check_image(image), place);
    test::equal(report.findings.size(), std::size_t{1}, place);
    test::contains(text_of(report), fmt::format("{}: {}: ", to_string(severity), where), place);
    test::contains(text_of(report), part, place);
}

void good_pools_have_no_finding() {
    const auto fresh = test::ok(check_image(test::fresh_image()));
    test::equal(text_of(fresh), std::string());
    test::equal(fresh.free_pages, fresh.pages);
    const auto report = test::ok(check_image(test::lived_in()));
    test::equal(text_of(report), std::string());
    CHECK(report.regions == 2 && report.generations == 4 && report.good_generations == 4);
    CHECK(report.logs == 1 && report.log_records == 5 && report.log_payload_bytes == 15'000);
    test::equal(report.cursors, std::uint64_t{2});
    CHECK(report.owned_pages > 0 && report.owned_pages + report.free_pages == report.pages);
    CHECK(report.superblocks[0].counts != report.superblocks[1].counts && !report.older_state);
    CHECK(report.journal->records > 10 && report.journal->used_bytes > 1000);
}

/// What a power cut leaves is no damage, at any persist of a pool's life.
void a_cut_is_no_damage() {
    const auto tape = test::make_tape(test::fresh_image());
    std::size_t looked = 0;
    const auto look = [&](Extent) {
        for (const auto reached : {test::Reached::durable, test::Reached::random, test::Reached::all}) {
            const auto report = test::ok(check_image(test::cut(*tape, reached, test::generator())));
            for (const auto& finding : report.findings)
                if (finding.severity != Severity::cut)
                    test::fail_at(test::Place::current(), finding.where + ": " + finding.message);
            ++looked;
        }
    };
    tape->before_persist = look;
    tape->after_persist = look;
    test::live(*test::ok(test::open_tape(tape)));
    CHECK(looked > 100);
}

void flipped_payload_names_the_generation() {
    const auto good = test::lived_in();
    const auto pool = test::ok(test::open_image(good));
    for (const auto& info : test::ok(pool->generations("team/app", 0, 10))) {
        const auto generation = test::ok(pool->open_generation("team/app", info.number));
        if (info.length == 0)
            continue;
        auto image = good;
        const auto last = info.length - 1;
        test::flip(image, generation->page_offsets()[last / kPage] + last % kPage);
        const auto report = test::ok(check_image(image));
        test::contains(text_of(report), fmt::format("damage: team/app@{}: its {} bytes have CRC-32C",
                                                    info.number, info.length));
        test::equal(report.generations - report.good_generations, std::uint64_t{report.findings.size()});
        // Behind its end the last page has no meaning.
        image = good;
        test::flip(image, generation->page_offsets().back() + kPage - 1);
        if (info.length % kPage != 0)
            test::equal(text_of(test::ok(check_image(image))), std::string());
    }
}

void a_superblock_copy_is_missed() {
    const auto good = test::lived_in();
    for (unsigned slot = 0; slot < 2; ++slot)
        for (const std::uint64_t at : {0, 8, 16, 100, 4095}) {
            auto image = good;
            test::flip(image, format::kSuperblockOffset[slot] + at);
            finds(image, Severity::cut, slot == 0 ? "superblock A" : "superblock B", "do not verify");
            test::equal(test::ok(check_image(image)).good_generations, std::uint64_t{4});
        }
    auto image = good;
    test::flip(image, 20);
    test::flip(image, format::kSuperblockBytes + 20);
    finds(image, Severity::damage, "pool", "both superblocks are damaged");
    std::fill_n(image.begin(), 2 * format::kSuperblockBytes, std::byte{});
    test::contains(test::error(check_image(image), EUCLEAN), "is not a pmemckpt pool");
    test::error(check_image(Image(5)), EUCLEAN);
}

void superblocks_of_two_pools() {
    auto image = test::lived_in();
    auto other =
        format::read_superblock(std::span<const std::byte>(image).first(format::kSuperblockBytes)).superblock;
    other.created_ns = 9;
    const auto bytes = test::encode(other);
    std::copy(bytes.begin(), bytes.end(), image.begin());
    finds(image, Severity::damage, "superblock B", "one of them is of another pool");
}

/// Somebody wrote it who has not the key: seen with it, and not without.
void forgeries() {
    const auto good = test::lived_in();
    const auto superblock = superblock_of(good);
    const auto text = [](const Image& image, const Key* key) {
        return text_of(test::ok(check_image(image, key)));
    };
    CHECK(test::ok(check_image(good)).macs_verified && !test::ok(check_image(good, nullptr)).macs_verified);

    auto image = good;
    image[40] ^= std::byte{1};  // the time at which the pool was made
    image[format::kSuperblockBytes + 40] ^= std::byte{1};
    for (const auto at : format::kSuperblockOffset)
        test::mend_superblock(std::span(image).subspan(at, format::kSuperblockBytes));
    test::equal(text(image, nullptr), std::string());
    for (const char* name : {"A: its 4096 bytes at 0", "B: its 4096 bytes at 4096"})
        test::contains(text(image, &test::pool_key()),
                       fmt::format("damage: superblock {} were not written by a manager with the key: their "
                                   "checksum holds, and their MAC does not",
                                   name));
    test::contains(text(image, &test::pool_key()), "damage: pool: ");

    const auto other_key = test::key_of(8);
    test::contains(text(good, &other_key), "they name another manager key");

    image = good;
    const auto record = test::records_of(image).back();
    image[record.at + record.length - 8] ^= std::byte{1};
    test::mend_record(std::span(image).subspan(record.at, record.length),
                      format::journal_seed(superblock, 1));
    test::equal(text(image, nullptr).find("MAC"), std::string::npos);
    test::contains(text(image, &test::pool_key()),
                   fmt::format("record {} at byte {} of the journal was not written by a "
                               "manager with the pool's key: its checksum holds, and its MAC does not",
                               test::records_of(image).size(), record.at));
}

/// Each record, damaged: the state before it is looked at, and is one that the pool was in.
void damage_in_the_journal_leaves_the_state_before() {
    const auto good = test::lived_in();
    const auto records = test::records_of(good);
    for (std::size_t index = 0; index < records.size(); ++index) {
        auto image = good;
        test::flip(image, records[index].at + 8 + test::generator()() % (records[index].length - 8));
        const auto report = test::ok(check_image(image));
        const bool is_last = index + 1 == records.size();
        if (index == 0) {
            test::contains(text_of(report), "damage: pool: recording: the journal is damaged at byte 65536");
            continue;
        }
        test::equal(report.journal->records, std::uint64_t{index});
        test::equal(report.older_state.has_value(), !is_last);
        if (!is_last) {
            test::contains(text_of(report),
                           fmt::format("damage: journal: recording: the journal is damaged at "
                                       "byte {}: record {} is not whole",
                                       records[index].at, index + 1));
            test::contains(*report.older_state, fmt::format("after record {}", index));
        }
        auto cut = good;
        std::fill(cut.begin() + static_cast<std::ptrdiff_t>(records[index].at),
                  cut.begin() + static_cast<std::ptrdiff_t>(records.back().at + records.back().length),
                  std::byte{});
        test::equal(test::rescued_digest(image), test::digest_of(cut));
    }
}

void a_torn_tail_is_told() {
    auto image = test::lived_in();
    const auto last = test::records_of(image).back();
    test::flip(image, last.at + last.length - 1);
    finds(image, Severity::cut, "journal", "is not whole: it was being written when the power failed, or");
}

/// In a snapshot nothing is whole without the rest: the half before it leads to the same state.
void a_damaged_snapshot_leaves_the_half_before() {
    const auto tape = std::make_shared<Tape>(test::fresh_image(), false);
    std::string before;
    {
        const auto pool = test::ok(test::open_tape(tape));
        test::live(*pool);
        for (std::uint32_t keep = 3; pool->info().journal_switches == 0; keep = 7 - keep) {
            before = test::digest(*pool);
            test::ok(pool->set_retention("team/app", keep, 0));
        }
    }
    test::equal(text_of(test::ok(check_image(tape->stored))), std::string());
    test::equal(superblock_of(tape->stored).active_half, 1U);
    const auto records = test::records_of(tape->stored, 1);
    for (const std::size_t index : {std::size_t{0}, std::size_t{1}, records.size() - 2}) {
        auto image = tape->stored;
        test::flip(image, records[index].at + 12);
        const auto report = test::ok(check_image(image));
        test::contains(text_of(report), "of the snapshot's");
        test::contains(*report.older_state, "in half 0 of the journal");
        test::equal(test::rescued_digest(image), before);
        // Without that half too, what of the snapshot is whole is all that is left.
        std::fill_n(image.begin() + static_cast<std::ptrdiff_t>(format::kJournalOffset), 100, std::byte{});
        if (index > 0)
            test::contains(*test::ok(check_image(image)).older_state, "not all of it");
    }
    // The newest state is in a half that no whole superblock names.
    auto image = tape->stored;
    const auto newest = test::digest_of(image);
    auto old = superblock_of(image);
    old.active_half = 0;
    old.first_sequence = 1;
    old.snapshot_records = 0;
    const auto bytes = test::encode(old);
    std::copy(bytes.begin(), bytes.end(), image.begin());
    test::flip(image, format::kSuperblockBytes + 50);
    test::contains(text_of(test::ok(check_image(image))), "the newest superblock is damaged");
    test::equal(test::rescued_digest(image), newest);
}

void forged_ownership() {
    const std::vector<std::pair<Forger, const char*>> lies = {
        {Forger().region(1, "a").region(2, "b").seal(1, 1, 8192, {{5, 2}}).seal(2, 1, 4096, {{6, 1}}),
         "have an owner already"},
        {Forger().region(1, "a").region(2, "b").log(1, 7, 1, {{5, 2}}).seal(2, 1, 4096, {{6, 1}}),
         "have an owner already"},
        {Forger().region(1, "a").region(2, "b").seal(1, 1, 4096, {{UINT32_MAX, 1}}),
         "do not lie in the pool"},
    };
    for (const auto& [forger, why] : lies) {
        const auto report = test::ok(check_image(forger.image()));
        CHECK(report.findings.at(0).where == "journal" && report.findings[0].severity == Severity::damage);
        test::contains(report.findings[0].message, why);
        CHECK(report.regions == 2 && report.owned_pages + report.free_pages == report.pages);
    }
    test::error(check_image(Forger().add_raw(static_cast<format::Kind>(77), {}).image()), EPROTONOSUPPORT);
}

void settings_that_do_not_hold() {
    Forger forger;
    forger.add(format::Kind::region_put, format::RegionPut{1, 1, 1, 10, 0, 3, "a", "alice"});
    forger.add(format::Kind::generation_seal,
               format::GenerationSeal{1, 1, 4096, 0, 1, 0x98f94189, 1, "alice", {{5, 1}}, {}});
    finds(forger.image(), Severity::damage, "a@1", "the region's largest size is 10");
}

void holders_are_compared() {
    const auto holding = compare_holders({{"one", {{9, 1}, {1, 4}, {2, 2}}}, {"two", {{5, 2}, {7, 2}}}});
    CHECK(holding.pages == 9 && holding.conflicts.empty());
    const auto both = compare_holders({{"one", {{1, 20}}}, {"two", {{5, 2}}}, {"three", {{19, 4}}}});
    test::equal(both.pages, std::uint64_t{22});
    test::equal(
        fmt::format("{}", fmt::join(both.conflicts, "; ")),
        std::string("2 pages from page 5 on belong to one and to two; 2 pages from page 19 on belong to "
                    "one and to three"));
    CHECK(compare_holders({}).pages == 0);
    CHECK(pages_named_twice({{5, 2}, {1, 4}}) == 0 && pages_named_twice({{5, 2}, {1, 9}, {6, 5}}) == 6);
}

void damage_in_a_log() {
    const auto good = test::lived_in();
    const auto record = format::log_record_bytes(3000);
    for (std::uint64_t index = 0; index < 5; ++index) {
        auto image = good;
        test::flip(image, test::place_in_log(good, "team/app", index * record + 1000));
        const auto report = test::ok(check_image(image));
        test::equal(report.log_records, index);
        // The last one's damage is seen by who has read it, and by nobody else.
        if (index < 4) {
            test::contains(
                text_of(report),
                fmt::format("cut: team/app log: record {} at byte {} of the log does not verify, and "
                            "record {} at",
                            index + 1, index * record, index + 2));
            test::contains(text_of(report),
                           fmt::format("damage: team/app cursor backup: it has read 4 records of "
                                       "the log behind generation 6, and {} are there",
                                       index));
        } else {
            test::equal(text_of(report), std::string());
        }
    }
}

void cut_short() {
    auto image = test::lived_in();
    const auto pool = test::ok(test::open_image(image));
    const auto pages = test::ok(pool->open_generation("b", 0))->page_offsets();
    image.resize(*std::ranges::max_element(pages) + 100);
    const auto report = test::ok(check_image(image));
    test::contains(text_of(report), "is cut short");
    test::contains(text_of(report), "damage: b@1: its");
    test::contains(text_of(report), "lie beyond the end of the pool's");
    CHECK(report.good_generations > 0 && report.good_generations < report.generations);
    for (const std::size_t size : {4096U, 8191U, 8192U, 65'600U, 100'000U}) {
        image.resize(size);
        CHECK(!test::ok(check_image(image)).findings.empty());
    }
}

/// Whatever is overwritten: it ends well, and what it calls good is a state that the pool was in. Older than
/// the newest only when the journal's last record is among it, and where it begins does not look like a
/// record any more; of a log's end the same is known.
void overwritten_blocks() {
    const auto good = test::lived_in();
    const auto records = test::records_of(good);
    const auto last = records.back();
    std::vector<std::string> states{test::digest_of(good)};
    for (const auto& record : records) {
        auto image = good;
        std::fill(image.begin() + static_cast<std::ptrdiff_t>(record.at),
                  image.begin() + static_cast<std::ptrdiff_t>(last.at + last.length), std::byte{});
        states.push_back(test::digest_of(image));
    }
    std::size_t found = 0;
    for (int round = 0; round < (test::under_valgrind() ? 5 : 200); ++round) {
        auto image = good;
        auto& random = test::generator();
        const auto size = 1 + random() % 3000;
        const std::uint64_t ranges[] = {10'000, last.at - format::kJournalOffset + 500, image.size() - size};
        const auto at = (round % 3 == 1 ? format::kJournalOffset : 0) + random() % ranges[round % 3];
        const auto junk = random() % 2 ? test::random_bytes(size) : std::vector<std::byte>(size);
        std::copy(junk.begin(), junk.end(), image.begin() + static_cast<std::ptrdiff_t>(at));
        const auto report = check_image(image);
        found += !report || !report->findings.empty();
        if (!report || !report->findings.empty() || report->log_records == 4)
            continue;
        const bool has_end = report->journal->records == records.size();
        const auto state = test::digest_of(image);
        CHECK(has_end ? state == states[0] : std::ranges::count(states, state) == 1);
        CHECK(has_end || at + size > last.at);
    }
    CHECK(found > 0);
}

/// As with a bad block, whose bytes can be mapped and not be read. Without a look before, the process ends
/// here.
void the_disk_can_not_give_it() {
    const auto image = test::lived_in();
    const auto path = (test::directory() / "pool").string();
    std::ofstream(path).write(reinterpret_cast<const char*>(image.data()),
                              static_cast<std::streamsize>(image.size()));
    const auto medium = test::ok(media::inspect_medium(path));
    const auto pool = test::ok(test::open_image(image));
    const CheckProgress silent{[](std::uint64_t) {}, [](std::uint64_t) {}};
    test::equal(text_of(test::ok(check(*medium, &test::pool_key(), silent))), std::string());
    const auto cut_to = [&](std::uint64_t size) { std::filesystem::resize_file(path, size); };
    cut_to(test::ok(pool->open_generation("b", 0))->page_offsets().front());
    const auto report = test::ok(check(*medium, &test::pool_key(), silent));
    test::contains(text_of(report), "damage: b@1: its 20000 bytes at");
    test::contains(text_of(report), "can't be read from the disk");
    CHECK(report.good_generations > 0);
    cut_to(test::ok(pool->read_log("team/app")).segments.at(0).page_offsets.front());
    test::contains(text_of(test::ok(check(*medium, &test::pool_key(), silent))), "damage: team/app log: its");
    cut_to(format::kJournalOffset);
    test::contains(text_of(test::ok(check(*medium, &test::pool_key(), silent))),
                   "damage: pool: " + path + ": its metadata is damaged");
    cut_to(0);
    test::error(check(*medium, &test::pool_key(), silent), EBADMSG);
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each torn tail is a notice
    return test::run(
        "pool_check",
        {{"good_pools_have_no_finding", good_pools_have_no_finding},
         {"a_cut_is_no_damage", a_cut_is_no_damage},
         {"flipped_payload_names_the_generation", flipped_payload_names_the_generation},
         {"a_superblock_copy_is_missed", a_superblock_copy_is_missed},
         {"superblocks_of_two_pools", superblocks_of_two_pools},
         {"forgeries", forgeries},
         {"damage_in_the_journal_leaves_the_state_before", damage_in_the_journal_leaves_the_state_before},
         {"a_torn_tail_is_told", a_torn_tail_is_told},
         {"a_damaged_snapshot_leaves_the_half_before", a_damaged_snapshot_leaves_the_half_before},
         {"forged_ownership", forged_ownership},
         {"settings_that_do_not_hold", settings_that_do_not_hold},
         {"holders_are_compared", holders_are_compared},
         {"damage_in_a_log", damage_in_a_log},
         {"cut_short", cut_short},
         {"overwritten_blocks", overwritten_blocks},
         {"the_disk_can_not_give_it", the_disk_can_not_give_it}});
}
