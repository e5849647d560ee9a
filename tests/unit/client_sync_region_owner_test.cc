// Whose the regions of a participant of sync points are: one has them at a time, and what is somebody else's
// is left alone.
#include <pmemckpt/sync_region.hh>

#include <array>
#include <barrier>
#include <thread>

#include "lib/client/sync_region.hh"
#include "tests/unit/region_storage.hh"

namespace {

using namespace pmemckpt;
using namespace pmemckpt::sync;
using test::House;
using test::kInstance;
using test::kLimit;
using test::kRegion;
using test::ManagerHere;
using test::Numbers;
using test::Pair;
using test::RegionStorage;

/// A manager that was started anew with another pool in front, whose regions look the same.
void another_pool_is_not_ones_own() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    pair.here.end();
    pair.here.pools_before = {{"twin", test::make_pool("twin", pair.here.key_dir())}};
    pair.here.start();
    RegionStorage twins;
    House twin([&] { return twins.open(pair.here); });
    house.take(2, "two");
    twin.start();
    CHECK(twin.job->listed().held.empty());
    CHECK(twin.job->identity().participant != house.job->identity().participant);
    auto options = pair.here.options();
    options.pool = pair.here.uuid();
    test::equal(test::ok(test::ok(client::Client::connect(options))->generations(kRegion)).size(), 2U);
}

void who_was_taken_over_holds_nothing_more(bool manager_is_started_anew) {
    Pair pair;
    auto& first = pair.house;
    first.program.set("the first");
    first.take(1, "one");
    RegionStorage others;
    House second([&] { return others.open(pair.here); });
    test::ok(second.job->rollback(second.asker, {1, kInstance}));
    test::equal(second.program.text(), std::string("the first"));
    second.program.set("the second");
    second.take(2, "two");
    if (manager_is_started_anew)
        pair.here.end(), pair.here.start();
    // It drops nothing of the other one's either.
    test::contains(test::error(first.prepare(3, "three"), EIO), "fenced");
    test::contains(test::error(first.job->open("batch", Uuid{8}), EIO), "fenced");
    CHECK(first.job->has_failed());
    CHECK(pair.pinned() == (Numbers{1, 2}));
    second.program.set("?");
    test::ok(second.job->rollback(second.asker, {2, kInstance}));
    test::equal(second.program.text(), std::string("the second"));
    second.take(4, "four");
    test::error(first.prepare(5, "five"), EIO);
    test::equal(pair.pinned().size(), 3U);  // the first one goes with the next one
    second.job.reset();
}

/// Taken over while it writes: its state may be there, its table is not.
void a_takeover_in_the_middle() {
    Pair pair;
    auto& first = pair.house;
    first.take(1, "one");
    RegionStorage others;
    std::unique_ptr<House> second;
    first.program.set(test::text_of(5'000'000));
    first.program.at_save = [&] {
        if (!second)
            second = std::make_unique<House>([&] { return others.open(pair.here); });
        return Status();
    };
    test::error(first.prepare(2, "two"), EIO);
    test::equal(second->job->listed().held.size(), 1U);
    second->job.reset();
}

/// NAME alone: who has NAME.table takes it back.
void states_that_were_taken_over_are_taken_back() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    test::ok(pair.here.connect()->take_over(kRegion));
    house.take(2, "two");
    CHECK(pair.pinned() == (Numbers{1, 2}));
}

bool takes_a_sync_point(client::SyncRegion& region) {
    const std::string table = "PMCKSYNC";
    auto state = region.begin();
    return state && (*state)->write(test::random_bytes(1000)) && (*state)->finish() &&
           region.commit(std::as_bytes(std::span(table)));
}

void one_of_two_that_start_together_is_there() {
    ManagerHere here;
    for (int round = 0; round < 30; ++round) {
        std::barrier both(2);
        std::array<std::unique_ptr<client::SyncRegion>, 2> opened;
        std::array<std::jthread, 2> threads;
        for (auto& one : opened)
            threads[static_cast<std::size_t>(&one - opened.data())] = std::jthread([&] {
                both.arrive_and_wait();
                if (auto region = client::SyncRegion::open(here.options(), kRegion, kLimit))
                    one = std::move(*region);
            });
        for (auto& thread : threads)
            thread.join();
        const auto works = [](const auto& one) { return one && takes_a_sync_point(*one); };
        test::equal(std::ranges::count_if(opened, works), 1);
    }
}

void what_is_somebody_elses_is_left_alone() {
    ManagerHere here;
    RegionStorage storage;
    const auto client = here.connect();
    test::contains(test::error(storage.open(here, "team/app", 0), ENOENT), "create-region team/app --keep 1");
    test::ok(client->create_region("team/app", {3}, true));
    test::contains(test::error(storage.open(here, "team/app", 0), EINVAL), "has no limit");
    for (int i = 0; i < 3; ++i)
        test::save(*client, "team/app", test::random_bytes(100));
    test::contains(test::error(storage.open(here, "team/app"), EBADMSG), "3 generations, and team/app.table");
    test::equal(test::ok(client->find_region("team/app")).epoch, 1U);  // who writes there is not fenced
    test::error(client->find_region("team/app.table"), ENOENT);
    test::ok(client->create_region("papers.table", {3}, true));
    for (const std::size_t size : {std::size_t{3}, std::size_t{100}, std::size_t{100'000}}) {
        test::save(*client, "papers.table", test::random_bytes(size));
        test::contains(test::error(storage.open(here, "papers"), EBADMSG),
                       fmt::format("of region papers.table has {} bytes, and is no table", size));
    }
    test::equal(test::ok(client->find_region("papers.table")).epoch, 1U);
    test::error(client->find_region("papers"), ENOENT);
    test::equal(pmemckpt_sync_region_open(nullptr, nullptr, 0, nullptr), -EINVAL);
    test::contains(pmemckpt_error(), "region is NULL");
}

/// Whoever has a key can write both regions: what is no table is not taken for none.
void states_are_not_dropped_for_want_of_a_table() {
    Pair pair;
    pair.house.take(1, "one");
    pair.house.job.reset();
    test::save(*pair.here.connect(), kRegion + ".table", {});
    test::contains(test::error(pair.storage.open(pair.here), EBADMSG),
                   "generation 5 of region job/ledger.table has 0 bytes, and is no table");
    CHECK(pair.pinned() == (Numbers{1}));
    test::save(*pair.here.connect(), kRegion + ".table", std::as_bytes(std::span("PMCKSYNC")));
    bool is_cleared = false;
    pair.storage.watch = [&](const std::function<int()>& action) {
        if (!std::exchange(is_cleared, true))
            test::ok(pair.here.connect()->clear(kRegion + ".table"));  // when both were taken over
        return action();
    };
    test::contains(test::error(pair.storage.open(pair.here), EBADMSG), "no table that says whose");
    CHECK(pair.pinned() == (Numbers{1}));
}

void states_without_their_table_are_left_alone() {
    Pair pair;
    pair.house.take(1, "one");
    pair.house.job.reset();
    test::ok(pair.here.connect()->destroy_region(kRegion + ".table"));
    test::contains(test::error(pair.storage.open(pair.here), EBADMSG), "no table that says whose");
    CHECK(pair.pinned() == (Numbers{1}));
}

/// Regions that were destroyed are not made anew behind one's back.
void a_region_that_is_gone_is_told() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    const auto client = pair.here.connect();
    test::ok(client->destroy_region(kRegion));
    test::contains(test::error(house.prepare(2, "two"), EIO), "job/ledger");
    test::error(house.job->verify(house.asker, {1, kInstance}), EBADMSG);
    test::ok(client->destroy_region(kRegion + ".table"));
    test::contains(test::error(house.job->open("batch", Uuid{8}), EIO), "was destroyed: ");
    CHECK(house.job->has_failed());
}

/// Destroyed, and made again by another participant: as if it had been taken over.
void a_region_that_was_made_anew_is_not_ones_own() {
    Pair pair;
    auto& first = pair.house;
    first.take(1, "one");
    const auto client = pair.here.connect();
    test::ok(client->destroy_region(kRegion));
    test::ok(client->destroy_region(kRegion + ".table"));
    RegionStorage others;
    House second([&] { return others.open(pair.here); });
    second.take(1, "another one");
    test::contains(test::error(first.prepare(2, "two"), EIO), "was destroyed, and made anew");
    test::error(first.job->open("batch", Uuid{8}), EIO);
    CHECK(first.job->has_failed());
    second.start();
    test::equal(second.coordinators(1), std::string("another one"));
    second.job.reset();
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run(
        "client_sync_region_owner",
        {{"another pool is not one's own", another_pool_is_not_ones_own},
         {"who was taken over holds nothing more", [] { who_was_taken_over_holds_nothing_more(false); }},
         {"who was taken over, with a manager that was started anew",
          [] { who_was_taken_over_holds_nothing_more(true); }},
         {"a takeover in the middle", a_takeover_in_the_middle},
         {"states that were taken over are taken back", states_that_were_taken_over_are_taken_back},
         {"one of two that start together is there", one_of_two_that_start_together_is_there},
         {"what is somebody else's is left alone", what_is_somebody_elses_is_left_alone},
         {"states are not dropped for want of a table", states_are_not_dropped_for_want_of_a_table},
         {"states without their table are left alone", states_without_their_table_are_left_alone},
         {"a region that is gone is told", a_region_that_is_gone_is_told},
         {"a region that was made anew is not one's own", a_region_that_was_made_anew_is_not_ones_own}});
}
