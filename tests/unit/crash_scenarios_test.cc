// time-limit: 240
// A part of `make check-crash`; that it covers every kind of journal record; and that writers which are
// wrong, each in a way that somebody once was, are caught by it.
#include <cerrno>
#include <optional>

#include "lib/base/log.hh"
#include "lib/format/layout.hh"
#include "lib/format/superblock.hh"
#include "tests/crash/deeds.hh"
#include "tests/crash/report.hh"
#include "tests/support/check.hh"
#include "tests/support/forger.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::crash;

namespace {

constexpr Limits kFew{64, 16, 16, 3};

std::string first_failure(const Tally& tally) {
    return tally.failures.empty() ? std::string() : tally.failures.front();
}

Tally play(const std::string& only) {
    const auto report = play_all(scenarios(), only, kFew, 1, test::seed());
    CHECK(report.scenarios > 0);
    return report.total;
}

void each_thing_alone() {
    const auto tally = play("one thing alone");
    test::equal(first_failure(tally), std::string());
    CHECK(tally.images > 1000);
}

void pools_are_created_and_opened() {
    for (const char* name : {"pools: create", "pools: open without superblock", "pools: another manager key"})
        test::equal(first_failure(play(name)), std::string());
}

/// A few of the many: others with each seed.
void while_another_is_half_done() {
    std::vector<Scenario> drawn;
    std::ranges::sample(scenarios(), std::back_inserter(drawn), 12, test::generator());
    test::equal(first_failure(play_all(drawn, "half done", kFew, 1, test::seed()).total), std::string());
}

/// What recovery knows how to replay has a scenario that writes it.
void every_kind_of_record_has_a_scenario() {
    const auto kinds = play("one thing alone").kinds;
    unsigned known = 0;
    for (std::uint16_t kind = 1; kind < 1000; ++kind) {
        const auto forged = test::Forger().add_raw(static_cast<format::Kind>(kind), {}).image();
        const auto opened = test::open_image(forged);
        if (!opened && opened.error().code == EPROTONOSUPPORT)
            continue;
        ++known;
        if (!kinds.contains(kind))
            test::fail_at(
                test::Place::current(),
                fmt::format("no scenario writes a journal record of kind {}: add a deed that does to "
                            "tests/crash/deeds.cc",
                            kind));
    }
    test::equal(known, 10U);
}

/// Everything that the pool stores goes through its medium: else crash images would miss it.
void no_store_goes_by_the_medium() {
    const auto world = lived_in();
    const std::vector<std::byte> start(world->memory().begin(), world->memory().end());
    LineMedium watched(world->memory());
    world->close();
    auto pool = test::ok(pool::Pool::open(std::make_unique<Borrowed>(watched), test::pool_key()));
    test::ok(pool->seal(test::ok(pool->begin("a", 10'000)), 10'000, std::nullopt, "alice"));
    test::ok(pool->begin_clone("a", 10'000, {0, {{{5'000}, {1}}}}));
    test::ok(pool->open_log("a", 10'000));
    test::ok(pool->create_region("c", "alice", {}));
    CHECK(watched.lines_changed_behind_its_back(start).empty());
}

// The writers that are wrong. Each is the real one with its persists in another order.

using Effect = std::function<std::vector<Extent>(Extent)>;

std::uint64_t pages_offset(World& world) {
    return test::ok(format::plan_layout(world.memory().size(), format::kMinimumPageSize)).pages_offset;
}

/// Cuts the power in a deed that is done wrong; returns what is said of it.
std::string caught(const Deed& deed, const std::function<void(World&)>& ready,
                   const std::function<Effect(World&)>& wrong) {
    const auto world = lived_in();
    if (deed.prepare)
        test::ok(deed.prepare(*world));
    ready(*world);
    world->medium().effect = wrong(*world);
    Explorer explorer(*world, kFew, test::seed());
    explorer.step(deed.name, [&] { return deed.run(*world); });
    test::equal(explorer.tally().refused, std::uint64_t{0});
    return first_failure(explorer.tally());
}

void nothing(World&) {}

/// What is persisted in the pages waits for the next record in the journal, and comes after it.
Effect pages_after_record(World& world) {
    return [late = std::vector<Extent>(), from = pages_offset(world)](Extent extent) mutable {
        if (extent.at.bytes >= from) {
            late.push_back(extent);
            return std::vector<Extent>();
        }
        std::vector<Extent> now{extent};
        now.insert(now.end(), late.begin(), late.end());
        late.clear();
        return now;
    };
}

void a_record_before_its_payload_is_caught() {
    test::contains(caught(deed("a", "seal"), nothing, pages_after_record), "TORN");
}

/// Flushed, and nothing fences it but the next persist.
void a_missing_fence_is_caught() {
    const auto no_fence = [](World&) -> Effect {
        return [before = std::optional<Extent>()](Extent extent) mutable {
            std::vector<Extent> now;
            if (before)
                now.push_back(*before);
            before = extent;
            return now;
        };
    };
    test::contains(caught(deed("a", "pin"), nothing, no_fence), "neither");
    test::contains(caught(deed("a", "seal"), nothing, no_fence), "TORN");
    CHECK(!caught(deed("a", "append"), nothing, no_fence).empty());
}

/// The superblock names the other half before its snapshot is there.
void an_early_switch_is_caught() {
    const auto snapshot_late = [](World& world) -> Effect {
        const auto half = test::ok(format::plan_layout(world.memory().size(), format::kMinimumPageSize));
        return [late = std::vector<Extent>(),
                second = format::kJournalOffset + half.journal_half_bytes](Extent extent) mutable {
            if (extent.at.bytes == second) {
                late.push_back(extent);
                return std::vector<Extent>();
            }
            std::vector<Extent> now{extent};
            now.insert(now.end(), late.begin(), late.end());
            late.clear();
            return now;
        };
    };
    const auto fill = [](World& world) { test::ok(fill_half(world)); };
    test::equal(caught(deed("a", "pin"), fill, [](World&) { return Effect(); }), std::string());
    CHECK(!caught(deed("a", "pin"), fill, snapshot_late).empty());
}

/// A backup has read a record that was not durable, and its cursor is.
void a_cursor_ahead_of_its_record_is_caught() {
    const auto ahead = deed("a", "cursor behind a record that was not flushed");
    test::contains(caught(ahead, nothing, pages_after_record), "has read record 4 of 3");
}

std::string caught_recovering(const Recovery& recovery, bool without_a_copy) {
    const auto world = lived_in();
    const Extent copy{{format::kSuperblockOffset[0]}, {format::kSuperblockBytes}};
    if (without_a_copy) {
        test::ok(world->medium().blank(copy));
        test::ok(world->medium().persist(copy));
    }
    Explorer explorer(*world, kFew, test::seed(), recovery);
    explorer.step("pin", [&] { return deed("a", "pin").run(*world); });
    return first_failure(explorer.tally());
}

/// Each recovery makes a new epoch.
void a_recovery_that_goes_on_each_time_is_caught() {
    const Recovery recovery =
        [](std::unique_ptr<media::Medium> medium) -> Result<std::unique_ptr<pool::Pool>> {
        auto pool = TRY(pool::Pool::open(std::move(medium), test::pool_key()));
        TRY(pool->take_over("a"));
        return pool;
    };
    test::contains(caught_recovering(recovery, false), "which is neither");
}

/// It rewrites the superblock where it stands: the same when it comes to its end, and only then.
void a_recovery_that_may_not_be_cut_is_caught() {
    const Recovery recovery =
        [](std::unique_ptr<media::Medium> medium) -> Result<std::unique_ptr<pool::Pool>> {
        const Extent copy{{format::kSuperblockOffset[1]}, {format::kSuperblockBytes}};
        const auto place = medium->bytes().subspan(copy.at.bytes, copy.size.bytes);
        const std::vector<std::byte> kept(place.begin(), place.end());
        TRY(medium->blank(copy));
        TRY(medium->persist(copy));
        medium->store(copy.at, kept);
        TRY(medium->persist(copy));
        return pool::Pool::open(std::move(medium), test::pool_key());
    };
    test::contains(caught_recovering(recovery, true), "can't be opened");
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each torn tail is a notice
    return test::run(
        "crash_scenarios",
        {{"each_thing_alone", each_thing_alone},
         {"pools_are_created_and_opened", pools_are_created_and_opened},
         {"while_another_is_half_done", while_another_is_half_done},
         {"every_kind_of_record_has_a_scenario", every_kind_of_record_has_a_scenario},
         {"no_store_goes_by_the_medium", no_store_goes_by_the_medium},
         {"a_record_before_its_payload_is_caught", a_record_before_its_payload_is_caught},
         {"a_missing_fence_is_caught", a_missing_fence_is_caught},
         {"an_early_switch_is_caught", an_early_switch_is_caught},
         {"a_cursor_ahead_of_its_record_is_caught", a_cursor_ahead_of_its_record_is_caught},
         {"a_recovery_that_goes_on_each_time_is_caught", a_recovery_that_goes_on_each_time_is_caught},
         {"a_recovery_that_may_not_be_cut_is_caught", a_recovery_that_may_not_be_cut_is_caught}});
}
