// What is kept: the newest ones, the young ones, the pinned ones; and what clear leaves.
#include <cerrno>

#include "lib/format/layout.hh"
#include "lib/pool/clock.hh"
#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

constexpr std::int64_t kHour = 3'600'000'000'000;

struct Fixture {
    explicit Fixture(RegionSettings settings) { test::ok(pool->create_region("a", "alice", settings)); }
    void save(int count) {
        for (int generation = 0; generation < count; ++generation)
            test::ok(test::save(*pool, "a", test::random_bytes(10)));
    }
    std::string kept() const {
        std::string numbers;
        for (const auto& info : test::ok(pool->generations("a", 0, SIZE_MAX)))
            numbers += fmt::format("{}{} ", info.number, info.pinned ? "!" : "");
        return numbers;
    }
    /// Durable, and pages are owned by what is kept alone.
    void check() {
        const auto state = test::digest(*pool);
        test::equal(test::digest_of(tape->durable), state);
        const auto info = pool->info();
        test::equal(info.pages - info.free_pages, test::ok(pool->find_region("a")).generations);
    }
    std::shared_ptr<test::Tape> tape = test::make_tape(test::fresh_image());
    std::unique_ptr<Pool> pool = test::ok(test::open_tape(tape));
};

void young_ones_are_kept() {
    Fixture fixture({.keep = 2, .keep_age_ns = kHour});
    fixture.save(5);
    test::equal(fixture.kept(), std::string("1 2 3 4 5 "));
    const auto now = now_ns();
    test::equal(test::ok(fixture.pool->expire(now)), std::size_t{0});
    test::equal(test::ok(fixture.pool->expire(now - 2 * kHour)), std::size_t{0});  // a clock that went back
    test::equal(test::ok(fixture.pool->expire(now + 2 * kHour)), std::size_t{3});
    test::equal(fixture.kept(), std::string("4 5 "));
    test::equal(test::ok(fixture.pool->expire(INT64_MAX)), std::size_t{0});
    fixture.check();
    test::equal(test::ok(fixture.pool->find_region("a")).settings.keep_age_ns, kHour);
}

void pinned_ones_are_kept() {
    Fixture fixture({.keep = 2});
    fixture.save(2);
    test::ok(fixture.pool->pin("a", 1, true));
    const auto held = test::ok(fixture.pool->open_generation("a", 1));
    CHECK(held->info().pinned);
    fixture.save(4);
    test::equal(fixture.kept(), std::string("1! 5 6 "));
    fixture.check();
    fixture.pool = test::ok(test::open_tape(fixture.tape));
    test::equal(fixture.kept(), std::string("1! 5 6 "));
    test::ok(fixture.pool->pin("a", 6, true));
    const auto records = fixture.tape->persists;
    test::ok(fixture.pool->pin("a", 6, true));  // is so already
    test::equal(fixture.tape->persists, records);
    test::ok(fixture.pool->pin("a", 1, false));
    test::equal(test::ok(fixture.pool->expire(now_ns())), std::size_t{1});
    fixture.save(3);
    test::equal(fixture.kept(), std::string("6! 8 9 "));
    test::error(fixture.pool->pin("a", 7, true), ENOENT);
    test::error(fixture.pool->pin("b", 1, true), ENOENT);
    fixture.check();
}

void new_rules_hold_at_once() {
    Fixture fixture({.keep = 1000});
    fixture.save(700);
    test::ok(fixture.pool->pin("a", 3, true));
    const auto info = test::ok(fixture.pool->set_retention("a", 2, 0));
    CHECK(info.settings.keep == 2 && info.generations == 3);
    test::equal(fixture.kept(), std::string("3! 699 700 "));
    fixture.check();
    test::ok(fixture.pool->set_retention("a", 1, kHour));
    fixture.save(3);
    test::equal(fixture.kept(), std::string("3! 699 700 701 702 703 "));
    test::ok(fixture.pool->set_retention("a", 1, 0));
    test::equal(fixture.kept(), std::string("3! 703 "));
    test::error(fixture.pool->set_retention("a", 0, 0), EINVAL);
    test::error(fixture.pool->set_retention("a", kMaximumKeep + 1, 0), EINVAL);
    test::error(fixture.pool->set_retention("a", 1, -1), EINVAL);
    test::error(fixture.pool->set_retention("b", 1, 0), ENOENT);
    test::error(fixture.pool->create_region("c", "alice", {.keep_age_ns = -1}), EINVAL);
    fixture.check();
}

void clear_leaves_settings_numbers_and_cursors() {
    Fixture fixture({.keep = 3});
    fixture.save(3);
    test::ok(fixture.pool->pin("a", 2, true));
    test::ok(fixture.pool->advance_cursor("a", {"backup", 2, 0}));
    test::ok(fixture.pool->open_log("a", 100));
    const auto held = test::ok(fixture.pool->open_generation("a", 3));
    const auto bytes = test::content(*fixture.pool, *held);
    test::ok(fixture.pool->clear("a"));
    test::equal(fixture.kept(), std::string());
    test::error(fixture.pool->open_generation("a", 0), ENODATA);
    CHECK(test::content(*fixture.pool, *held) == bytes);
    const auto info = test::ok(fixture.pool->find_region("a"));
    CHECK(info.newest == 0 && info.generations == 0 && info.bytes == 0 && info.log.id == 0);
    test::equal(test::ok(fixture.pool->cursor("a", "backup"))->generation, std::uint64_t{2});
    fixture.pool = test::ok(test::open_tape(fixture.tape));
    fixture.check();
    fixture.save(1);
    test::equal(fixture.kept(), std::string("4 "));
    test::error(fixture.pool->clear("b"), ENOENT);
}

/// All of it in one snapshot.
void a_snapshot_says_it_all() {
    Fixture fixture({.keep = 4, .keep_age_ns = kHour});
    fixture.save(2);
    test::ok(test::save_clone(*fixture.pool, "a", test::random_bytes(10), {{{0}, {10}}}));
    test::ok(fixture.pool->set_retention("a", 5, 2 * kHour));
    test::ok(fixture.pool->pin("a", 2, true));
    test::ok(fixture.pool->take_over("a"));
    test::ok(fixture.pool->advance_cursor("a", {"x", 1, 0}));
    test::LogWriter writer(*fixture.pool, test::ok(fixture.pool->open_log("a", 5000)));
    writer.append(test::random_bytes(100));
    const auto more = test::ok(fixture.pool->grow_log("a", writer.grant().log.id, 1, 20'000));
    CHECK(more.segments.size() == 1);
    test::ok(fixture.pool->advance_cursor("a", {"y", 3, 1}));
    test::ok(fixture.pool->create_region("filler", "alice", {.keep = 1}));
    while (fixture.pool->info().journal_switches == 0)
        test::ok(test::save(*fixture.pool, "filler", {}));
    const auto state = test::digest(*fixture.pool);
    for (const auto* part :
         {"2 length 10", "pinned", "epoch 2", "cursor x at 1 0", "cursor y at 3 1", "records 1"})
        test::contains(state, part);
    test::equal(test::digest_of(fixture.tape->durable), state);
    const auto again = test::ok(test::open_image(fixture.tape->durable));
    const auto view = test::ok(again->read_log("a"));
    CHECK(view.segments.size() == 2 && view.segments[1].size == more.segments[0].size);
    test::equal(again->info().free_pages, fixture.pool->info().free_pages);
}

/// A journal that is full of other things does not stand in the way of a takeover, nor of anything that
/// drops.
void a_full_journal_can_be_taken_over_and_emptied() {
    Fixture fixture({.keep = 3});
    fixture.save(3);
    test::ok(fixture.pool->pin("a", 1, true));
    test::ok(fixture.pool->advance_cursor("a", {"x", 1, 0}));
    test::ok(fixture.pool->open_log("a", 1));
    const auto name = [](int index) { return fmt::format("{:05}", index) + std::string(250, 'n'); };
    int made = 0;
    while (fixture.pool->create_region(name(made), "alice", {}))
        ++made;
    Result<GenerationInfo> saved;
    while ((saved = test::save(*fixture.pool, name(0), {}))) {
    }
    test::error(saved, ENOSPC);
    for (int round = 0; round < 40; ++round) {
        test::ok(fixture.pool->take_over("a"));
        test::ok(fixture.pool->set_retention("a", 2 + round % 2, 0));
        test::ok(fixture.pool->open_log("a", 1));
        test::ok(fixture.pool->advance_cursor("a", {"x", 1, static_cast<std::uint64_t>(round)}));
    }
    test::ok(fixture.pool->pin("a", 1, false));
    test::ok(fixture.pool->expire(now_ns()));
    test::ok(fixture.pool->drop_cursor("a", "x"));
    test::ok(fixture.pool->clear("a"));
    fixture.check();
}

}  // namespace

int main() {
    return test::run(
        "pool_retention",
        {{"young_ones_are_kept", young_ones_are_kept},
         {"pinned_ones_are_kept", pinned_ones_are_kept},
         {"new_rules_hold_at_once", new_rules_hold_at_once},
         {"clear_leaves_settings_numbers_and_cursors", clear_leaves_settings_numbers_and_cursors},
         {"a_snapshot_says_it_all", a_snapshot_says_it_all},
         {"a_full_journal_can_be_taken_over_and_emptied", a_full_journal_can_be_taken_over_and_emptied}});
}
