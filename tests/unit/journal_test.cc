#include "lib/pool/journal.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/format/record.hh"
#include "lib/format/superblock.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Tape;

constexpr std::uint64_t kFirstHalf = format::kJournalOffset;

std::shared_ptr<Tape> coarse_tape() {
    return test::make_tape(test::fresh_image(kMinimumPoolSize, 2 * kMiB));
}

bool in_journal(Extent extent) {
    return extent.at.bytes >= kFirstHalf && extent.at.bytes < 2 * kMiB;
}

void superblock_copy_damaged(Tape& tape, unsigned slot) {
    tape.stored[format::kSuperblockOffset[slot] + 50] ^= std::byte{1};
}

/// Seals empty generations until so many switches of the half have been.
void seal_until_switches(Pool& pool, const std::string& region, std::uint64_t switches) {
    while (pool.info().journal_switches < switches)
        test::ok(test::save(pool, region, {}));
}

/// The same, and stops when the next records will need a switch.
void fill_half(Pool& pool, const std::string& region) {
    const auto room = pool.info().journal_half_bytes - format::kJournalReserveBytes - 150;
    while (pool.info().journal_used_bytes < room)
        test::ok(test::save(pool, region, {}));
}

void switches_many_times() {
    const auto tape = coarse_tape();
    auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("a", "alice", {.keep = 3}));
    test::ok(pool->create_region("team/kept", "alice", {.keep = 5}));
    for (int generation = 0; generation < 3; ++generation)
        test::ok(test::save(*pool, "team/kept", test::random_bytes(3000)));
    const std::uint64_t many = test::under_valgrind() ? 2 : 12;
    for (std::uint64_t switches = 1; switches <= many; ++switches) {
        seal_until_switches(*pool, "a", switches);
        const auto state = test::digest(*pool);
        test::equal(test::digest_of(tape->durable), state);
        // One superblock copy is enough: both name the new half.
        for (const unsigned slot : {0U, 1U}) {
            Tape damaged = *tape;
            superblock_copy_damaged(damaged, slot);
            test::equal(test::digest_of(damaged.stored), state);
        }
    }
    const auto newest = test::ok(pool->open_generation("a", 0))->info().number;
    pool.reset();
    pool = test::ok(test::open_tape(tape));
    test::equal(test::ok(test::save(*pool, "a", {})).number, newest + 1);
}

void full_of_regions() {
    const auto tape = coarse_tape();
    auto pool = test::ok(test::open_tape(tape));
    const auto name = [](int index) { return fmt::format("{:05}", index) + std::string(250, 'n'); };
    int made = 0;
    Result<RegionInfo> result;
    while ((result = pool->create_region(name(made), "alice", {})))
        ++made;
    test::contains(test::error(result, ENOSPC), "journal is full");
    CHECK(made > 1000);
    Result<GenerationInfo> saved;
    while ((saved = test::save(*pool, name(0), {})))
        CHECK(saved->number < 100);
    test::error(saved, ENOSPC);
    const auto state = test::digest(*pool);
    test::equal(test::digest_of(tape->durable), state);
    // What makes it smaller goes on, for as long as there is something.
    for (int index = 0; index < made; ++index)
        test::ok(pool->destroy_region(name(index)));
    test::equal(pool->info().regions, std::uint64_t{0});
    test::ok(pool->create_region(name(0), "alice", {}));
    CHECK(test::ok(pool->find_region(name(0))).id > static_cast<std::uint64_t>(made));
    const auto after = test::digest(*pool);
    test::equal(test::digest_of(tape->durable), after);
}

void a_failed_persist_ends_all_writing() {
    const auto tape = coarse_tape();
    auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("a", "alice", {}));
    test::ok(test::save(*pool, "a", test::random_bytes(100)));
    const auto before = test::digest(*pool);
    const auto free = pool->info().free_pages;
    auto other = test::ok(pool->begin("a", 5));
    tape->persist_result = [](Extent extent) { return in_journal(extent) ? EIO : 0; };
    test::error(test::save(*pool, "a", test::random_bytes(200)), EIO);
    tape->persist_result = nullptr;
    test::equal(test::digest(*pool), before);
    // The record may be on the medium: nobody gets its pages.
    test::equal(pool->info().free_pages, free - 2);
    test::error(pool->begin("a", 1), EIO);
    test::error(pool->create_region("b", "alice", {}), EIO);
    test::error(pool->destroy_region("a"), EIO);
    test::error(pool->seal(std::move(other), 5, std::nullopt, "alice"), EIO);
    test::equal(test::digest_of(tape->durable), before);
    test::contains(test::digest_of(tape->stored), "newest 2");
}

void a_failed_payload_persist_seals_nothing() {
    const auto tape = coarse_tape();
    auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("a", "alice", {}));
    tape->persist_result = [](Extent extent) { return in_journal(extent) ? 0 : EIO; };
    test::error(test::save(*pool, "a", test::random_bytes(200)), EIO);
    tape->persist_result = nullptr;
    test::equal(pool->info().free_pages, pool->info().pages);
    test::equal(test::ok(test::save(*pool, "a", test::random_bytes(200))).number, std::uint64_t{1});
}

void a_full_disk_changes_nothing() {
    const auto tape = coarse_tape();
    auto pool = test::ok(test::open_tape(tape));
    const auto full = [](Extent) { return ENOSPC; };
    tape->blank_result = full;
    test::error(pool->create_region("a", "alice", {}), ENOSPC);
    tape->blank_result = nullptr;
    test::ok(pool->create_region("a", "alice", {.keep = 1}));
    tape->blank_result = full;
    test::error(pool->begin("a", 3 * kMiB), ENOSPC);
    test::equal(pool->info().free_pages, pool->info().pages);
    tape->blank_result = nullptr;
    fill_half(*pool, "a");
    const auto state = test::digest(*pool);
    tape->blank_result = full;  // now the other half's space
    Result<GenerationInfo> saved;
    while ((saved = test::save(*pool, "a", {})))
        CHECK(pool->info().journal_switches == 0);
    test::error(saved, ENOSPC);
    test::equal(test::digest_of(tape->durable), test::digest(*pool));
    tape->blank_result = nullptr;
    test::ok(test::save(*pool, "a", {}));
    test::equal(pool->info().journal_switches, std::uint64_t{1});
}

/// The process was killed between store and persist, and the page cache had the record. Then the power fails.
void what_recovery_read_is_durable() {
    const auto tape = coarse_tape();
    {
        auto pool = test::ok(test::open_tape(tape));
        test::ok(pool->create_region("a", "alice", {}));
        tape->persist_result = [](Extent extent) { return in_journal(extent) ? EIO : 0; };
        test::error(pool->create_region("b", "alice", {}), EIO);
        tape->persist_result = nullptr;
    }
    auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->find_region("b"));
    const auto state = test::digest(*pool);
    test::equal(test::digest_of(tape->durable), state);
    test::ok(pool->create_region("c", "alice", {}));
    test::equal(test::digest_of(tape->durable), test::digest(*pool));
}

void opening_mends_a_superblock_copy() {
    const auto tape = coarse_tape();
    test::ok(test::ok(test::open_tape(tape))->create_region("a", "alice", {}));
    for (const unsigned slot : {0U, 1U, 0U}) {
        superblock_copy_damaged(*tape, slot);
        test::ok(test::open_tape(tape));
        const auto bytes = std::span<const std::byte>(tape->durable).subspan(format::kSuperblockOffset[slot]);
        CHECK(format::read_superblock(bytes).state == format::SuperblockState::valid);
    }
}

/// A snapshot that was cut leaves records with high sequences in the other half; they mislead nobody later.
void remains_of_a_cut_switch_do_no_harm() {
    const auto tape = coarse_tape();
    auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("large", "alice", {.keep = 2000}));
    test::ok(pool->create_region("small", "alice", {.keep = 1}));
    for (int generation = 0; generation < 2000; ++generation)
        test::ok(test::save(*pool, "large", {}));
    fill_half(*pool, "small");
    tape->persist_result = [](Extent extent) { return extent.at.bytes < kFirstHalf ? EIO : 0; };
    Result<GenerationInfo> saved;
    while ((saved = test::save(*pool, "small", {})))
        CHECK(pool->info().journal_switches == 0);
    tape->persist_result = nullptr;
    // The snapshot is durable, the superblock is not.
    const auto resumed = test::make_tape(tape->durable);
    pool = test::ok(test::open_tape(resumed));
    test::ok(pool->destroy_region("large"));
    for (std::uint64_t switches = 1; switches <= 2; ++switches) {
        seal_until_switches(*pool, "small", switches);
        test::equal(test::digest_of(resumed->durable), test::digest(*pool));
    }
}

void ids_are_not_reused_after_a_switch() {
    const auto tape = coarse_tape();
    auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("a", "alice", {.keep = 1}));
    const auto id = test::ok(pool->create_region("b", "alice", {})).id;
    test::ok(pool->destroy_region("b"));
    seal_until_switches(*pool, "a", 1);
    pool = test::ok(test::open_image(tape->durable));
    CHECK(test::ok(pool->create_region("c", "alice", {})).id > id);
}

/// Both copies named the old half until the first publish; then the copy that names the new one is lost. The
/// old half still verifies, but records came after it.
void an_older_superblock_is_not_taken_for_the_newest() {
    const auto tape = coarse_tape();
    auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("a", "alice", {.keep = 1}));
    test::Image between;
    int superblocks = 0;
    tape->after_persist = [&](Extent extent) {
        if (extent.at.bytes < kFirstHalf && ++superblocks == 1)
            between = tape->durable;
    };
    seal_until_switches(*pool, "a", 1);
    const auto state = test::digest_of(between);
    test::contains(state, "a id 1");
    // The copies of `between` differ. With the newest one lost, nothing is lost yet …
    const auto first = format::read_superblock(std::span<const std::byte>(between));
    const auto second =
        format::read_superblock(std::span<const std::byte>(between).subspan(format::kSuperblockOffset[1]));
    const unsigned newest = second.superblock.sequence > first.superblock.sequence;
    auto lost = between;
    lost[format::kSuperblockOffset[newest] + 20] ^= std::byte{1};
    test::equal(test::digest_of(lost), state);
    // … but once a record was appended in the new half, the old one is an older state.
    auto appended = lost;
    std::copy(tape->durable.begin() + static_cast<std::ptrdiff_t>(kFirstHalf),
              tape->durable.begin() + static_cast<std::ptrdiff_t>(2 * kMiB),
              appended.begin() + static_cast<std::ptrdiff_t>(kFirstHalf));
    test::contains(test::digest_of(appended), "the newest superblock is damaged");
}

/// So who finds such a half needs no superblock to know that it is whole.
void a_half_that_begins_has_all_of_its_snapshot() {
    const auto tape = coarse_tape();
    auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("a", "alice", {.keep = 200}));
    fill_half(*pool, "a");
    std::uint64_t begun = 0, absent = 0;
    const auto look = [&](test::Reached reached) {
        const auto image = test::cut(*tape, reached, test::generator());
        const auto superblock =
            format::read_superblock(std::span<const std::byte>(image).subspan(format::kSuperblockOffset[0]))
                .superblock;
        const auto half =
            std::span<const std::byte>(image).subspan(superblock.half_offset[1], superblock.half_size);
        const auto first = format::claimed_sequence(half, 0).value_or(0);
        const auto seed = format::journal_seed(superblock, first);
        std::uint64_t at = 0, records = 0;
        while (const auto record = format::read_record(seed, half, at)) {
            at += record->length;
            ++records;
        }
        records > 0 ? ++begun : ++absent;
        CHECK(records == 0 || records >= 1 + pool->info().generations);
    };
    tape->before_persist = [&](Extent) {
        look(test::Reached::all);
        for (int round = 0; round < 20; ++round)
            look(test::Reached::random);
    };
    seal_until_switches(*pool, "a", 1);
    tape->before_persist = nullptr;
    CHECK(pool->info().generations == 200 && begun > 0 && absent > 0);
}

}  // namespace

int main() {
    return test::run(
        "journal",
        {{"switches_many_times", switches_many_times},
         {"full_of_regions", full_of_regions},
         {"a_failed_persist_ends_all_writing", a_failed_persist_ends_all_writing},
         {"a_failed_payload_persist_seals_nothing", a_failed_payload_persist_seals_nothing},
         {"a_full_disk_changes_nothing", a_full_disk_changes_nothing},
         {"what_recovery_read_is_durable", what_recovery_read_is_durable},
         {"opening_mends_a_superblock_copy", opening_mends_a_superblock_copy},
         {"remains_of_a_cut_switch_do_no_harm", remains_of_a_cut_switch_do_no_harm},
         {"ids_are_not_reused_after_a_switch", ids_are_not_reused_after_a_switch},
         {"an_older_superblock_is_not_taken_for_the_newest", an_older_superblock_is_not_taken_for_the_newest},
         {"a_half_that_begins_has_all_of_its_snapshot", a_half_that_begins_has_all_of_its_snapshot}});
}
