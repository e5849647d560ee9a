// Repairs of pools that were damaged, with the power cut in them: the pool is as damaged as it was, or
// repaired.
#include <fmt/format.h>

#include <span>

#include "lib/format/record.hh"
#include "lib/format/superblock.hh"
#include "lib/pool/repair.hh"
#include "tests/crash/deeds.hh"
#include "tests/crash/scenarios.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::crash {

namespace {

using Damage = std::function<void(World&)>;

void flip(World& world, std::uint64_t at) {
    const std::byte flipped[]{world.memory()[at] ^ std::byte{0xff}};
    world.medium().store({at}, flipped);
    test::ok(world.medium().persist({{at}, {1}}));
}

void flip_newest_generation(World& world) {
    flip(world, test::ok(world.pool().open_generation("a", 0))->page_offsets().front());
}

void flip_older_generation(World& world) {
    flip(world, test::ok(world.pool().open_generation("a", 2))->page_offsets().back());
}

void blank_superblock(World& world) {
    const Extent copy{{format::kSuperblockOffset[1]}, {format::kSuperblockBytes}};
    test::ok(world.medium().blank(copy));
    test::ok(world.medium().persist(copy));
}

/// The last but `back` of the journal's records, in a pool whose journal is in its first half.
void flip_record(World& world, std::uint64_t back) {
    const auto memory = std::span<const std::byte>(world.memory());
    const auto superblock =
        format::read_superblock(memory.subspan(format::kSuperblockOffset[1], format::kSuperblockBytes))
            .superblock;
    const auto half = memory.subspan(superblock.half_offset[0], superblock.half_size);
    const auto seed = format::journal_seed(superblock, superblock.first_sequence);
    std::vector<std::uint64_t> places;
    std::uint64_t at = 0;
    while (const auto record = format::read_record(seed, half, at)) {
        places.push_back(at);
        at += record->length;
    }
    flip(world, superblock.half_offset[0] + places.at(places.size() - 1 - back) + format::kRecordHeaderBytes);
}

/// Of some records that change nothing but a pin: what follows the damaged one is lost with it.
void flip_a_record_in_the_middle(World& world) {
    for (const bool pinned : {true, false, true, false})
        test::ok(world.pool().pin("a", 3, pinned));
    flip_record(world, 2);
}

pool::RepairReport repair(World& world, bool older_state) {
    const auto nobody_looks = [](std::uint64_t) {};
    const pool::RepairHooks hooks{{nobody_looks, nobody_looks},
                                  [](const pool::RepairPlan&) { return Status(); }};
    return test::ok(pool::repair(world.medium(), test::pool_key(), {older_state}, hooks));
}

Scenario repaired(const std::string& name, const Damage& damage, bool older_state = false) {
    return {"repairs", name, [=](const Limits& limits, std::uint64_t seed) {
                const auto world = lived_in();
                damage(*world);
                world->close();
                Explorer explorer(*world, fewer(limits), seed);
                explorer.step("repair", [&] {
                    CHECK(!repair(*world, older_state).plan.changes.empty());
                    return Status();
                });
                explorer.step("repair it again", [&] {
                    CHECK(repair(*world, false).before.findings.empty());
                    return Status();
                });
                explorer.lose_a_superblock();
                return explorer.tally();
            }};
}

}  // namespace

std::vector<Scenario> repair_scenarios() {
    const auto both = [](World& world) {
        flip_newest_generation(world);
        blank_superblock(world);
    };
    return {repaired("newest generation", flip_newest_generation),
            repaired("older generation", flip_older_generation), repaired("superblock", blank_superblock),
            repaired("newest generation and superblock", both),
            repaired("record in the journal's middle", flip_a_record_in_the_middle, true)};
}

}  // namespace pmemckpt::crash
