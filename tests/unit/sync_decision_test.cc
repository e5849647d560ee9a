// What a participant keeps and refuses, and which sync point a job is rolled back to.
#include "lib/sync/decision.hh"

#include <cerrno>

#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;

namespace {

constexpr Uuid kFirst{1}, kSecond{2}, kThird{3};

SyncPoint point_of(std::uint64_t number, std::vector<Uuid> participants = {kFirst, kSecond}) {
    SyncPoint point;
    point.id = {number, Uuid{9}};
    point.participants = std::move(participants);
    return point;
}

Standing standing(const Uuid& participant, const std::vector<SyncPoint>& held) {
    Standing one{participant, 0, {}};
    for (const auto& point : held) {
        one.held.push_back({point, 0});
        one.highest = point.id.number;
    }
    return one;
}

void the_newest_that_all_hold() {
    const std::vector all{standing(kFirst, {point_of(1), point_of(2), point_of(3)}),
                          standing(kSecond, {point_of(1), point_of(2)})};
    test::equal(test::ok(newest_whole(all)).id.number, 2U);
    test::equal(test::ok(whole(all, 1)).id.number, 1U);
    test::contains(test::error(whole(all, 3), ENOENT), "sync point 3 is not complete on all 2");
    test::equal(next_number(all), 4U);
    test::error(newest_whole(std::vector{standing(kFirst, {point_of(1)}), standing(kSecond, {})}), ENOENT);
}

void the_same_number_is_not_the_same_sync_point() {
    auto other = point_of(1);
    other.id.tag = Uuid{8};
    test::error(newest_whole(std::vector{standing(kFirst, {point_of(1)}), standing(kSecond, {other})}),
                ENOENT);
}

void nothing_is_guessed_of_who_is_not_asked() {
    const auto wide = point_of(2, {kFirst, kSecond, kThird});
    const std::vector all{standing(kFirst, {point_of(1), wide}), standing(kSecond, {point_of(1), wide})};
    test::contains(test::error(newest_whole(all), EHOSTUNREACH),
                   "sync point 2 (09000000) is of 3 participants");
    // One that lacks it is enough to know.
    const std::vector known{standing(kFirst, {point_of(1), wide}), standing(kSecond, {point_of(1)})};
    test::equal(test::ok(newest_whole(known)).id.number, 1U);
}

void complete_ones_replace_older_ones() {
    Table table(2);
    for (std::uint64_t number = 1; number <= 4; ++number)
        test::ok(table.prepare(point_of(number)));
    for (const std::uint64_t number : {1, 2, 4})
        test::ok(table.complete(point_of(number).id));
    test::equal(table.held().front().point.id.number, 2U);
    test::ok(table.complete(point_of(1).id));  // dropped for a later one: it was heard twice
    test::error(table.complete(point_of(7).id), ENOENT);
    test::ok(table.abort(point_of(6).id));
    test::error(table.prepare(point_of(6)), ESTALE);  // that was promised
    test::error(table.prepare(point_of(4)), EALREADY);
}

void no_more_are_held_than_the_limit() {
    Table table;
    for (std::uint64_t number = 1; number <= kMostHeld; ++number)
        test::ok(table.prepare(point_of(number)));
    test::contains(test::error(table.prepare(point_of(kMostHeld + 1)), ENOSPC), "16 sync points");
}

void a_lost_state_is_rolled_back_first() {
    Table table;
    test::ok(table.prepare(point_of(1)));
    test::ok(table.prepare(point_of(2)));
    table.lose_state();
    test::error(table.prepare(point_of(3)), EUCLEAN);
    test::error(table.begin_rollback(point_of(3).id), ENOENT);
    test::ok(table.begin_rollback(point_of(1).id));
    CHECK(table.pending_rollback() == point_of(1).id);
    test::error(table.prepare(point_of(3)), EUCLEAN);
    table.end_rollback();
    test::equal(table.held().size(), 1U);
    test::error(table.prepare(point_of(2)), ESTALE);
    test::ok(table.prepare(point_of(3)));
}

}  // namespace

int main() {
    return test::run(
        "sync_decision",
        {{"the newest that all hold", the_newest_that_all_hold},
         {"the same number is not the same sync point", the_same_number_is_not_the_same_sync_point},
         {"nothing is guessed of who is not asked", nothing_is_guessed_of_who_is_not_asked},
         {"complete ones replace older ones", complete_ones_replace_older_ones},
         {"no more are held than the limit", no_more_are_held_than_the_limit},
         {"a lost state is rolled back first", a_lost_state_is_rolled_back_first}});
}
