// Events of regions: numbered, bounded, told to who watches; and what a manager says of its primaries.
// time-limit: 180
#include <cerrno>

#include "driver/events.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using namespace std::chrono_literals;
using driver::Deadlines;
using driver::Events;
using test::ManagerFixture;
using test::RawClient;
using wire::EventKind;

namespace {

// Only its address is used.
const char place = 0;
const auto& kPool = *reinterpret_cast<const pool::Pool*>(&place);

struct Heard {
    std::optional<wire::EventList> list;
    int code = 0;
    int count = 0;
};

struct Stage {
    void publish(std::uint64_t region, std::uint64_t generation) {
        events.publish(kPool, region, {0, 0, EventKind::sealed, generation, 1, "alice", {}});
    }
    void watch(Heard& heard, std::uint64_t region, std::uint64_t after, std::uint64_t session = 1,
               std::optional<Deadlines::Clock::time_point> deadline = {}) {
        events.watch({session, &kPool, region, after,
                      [&heard](const Result<wire::EventList>& result) {
                          if (result)
                              heard.list = *result;
                          else
                              heard.code = result.error().code;
                          ++heard.count;
                      }},
                     deadline);
    }
    Heard read(std::uint64_t region, std::uint64_t after) {
        Heard heard;
        watch(heard, region, after, 99);
        events.drop_session(99);
        return heard;
    }
    Deadlines deadlines;
    Events events{deadlines};
};

void numbered_from_one() {
    Stage stage;
    stage.publish(1, 10);
    stage.publish(2, 20);
    stage.publish(1, 11);
    const auto heard = stage.read(1, 0);
    test::equal(heard.list->events.size(), 2U);
    test::equal(heard.list->lost, 0U);
    test::equal(heard.list->events[1].number, 2U);
    test::equal(heard.list->events[1].generation, 11U);
    CHECK(heard.list->events[0].time_ns > 0);
    test::equal(stage.read(1, 1).list->events.size(), 1U);
    CHECK(!stage.read(1, 2).list);
    test::equal(stage.read(2, 0).list->events.at(0).number, 1U);
    // A number of an earlier manager's.
    test::equal(stage.read(1, 1000).list->events.size(), 2U);
}

void who_watches_is_told_once() {
    Stage stage;
    stage.publish(1, 10);
    Heard next, later, other, leaves;
    stage.watch(next, 1, Events::kFromNowOn);
    stage.watch(other, 2, 0);
    stage.watch(leaves, 1, Events::kFromNowOn, 7);
    stage.events.drop_session(7);
    stage.publish(1, 11);
    test::equal(next.list->events.at(0).generation, 11U);
    stage.watch(later, 1, 2);
    test::equal(later.count, 0);
    stage.publish(1, 12);
    test::equal(next.count, 1);
    test::equal(later.list->events.at(0).generation, 12U);
    CHECK(other.count == 0 && leaves.count == 0);
    stage.events.complete_all({ESHUTDOWN, "stopping"});
    test::equal(other.code, ESHUTDOWN);
    Heard late;
    stage.watch(late, 3, 0, 1, Deadlines::Clock::now() + 1ms);
    test::eventually([&] { return stage.events.count(1) == 0; });
    stage.deadlines.stop();
    test::equal(late.code, ETIMEDOUT);
}

void the_oldest_go() {
    Stage stage;
    for (std::uint64_t number = 1; number <= driver::kEventsOfRegion + 10; ++number)
        stage.publish(1, number);
    test::equal(stage.events.stored(), driver::kEventsOfRegion);
    const auto heard = stage.read(1, 0);
    test::equal(heard.list->lost, 10U);
    test::equal(heard.list->events.at(0).number, 11U);
    test::equal(stage.read(1, 10).list->lost, 0U);
    // An answer has what fits a message; the next begins behind it.
    CHECK(heard.list->events.size() < driver::kEventsOfRegion);
    test::equal(stage.read(1, heard.list->events.back().number).list->events.at(0).number,
                heard.list->events.back().number + 1);
    CHECK(wire::encode_answer(wire::Type::watch, 1, *heard.list).size() <= rdma::kMaximumMessage);
}

void of_all_regions_together() {
    Stage stage;
    constexpr std::uint64_t kRegions = 100;
    for (std::uint64_t number = 1; number <= 1000; ++number)
        for (std::uint64_t region = 0; region < kRegions; ++region)
            stage.publish(region, number);
    test::equal(stage.events.stored(), driver::kEventsOfManager);
    test::equal(stage.read(0, 999).list->events.at(0).number, 1000U);
    CHECK(stage.read(0, 0).list->lost > 300);
    for (std::uint64_t region = 0; region < kRegions; ++region)
        stage.events.forget(kPool, region);
    test::equal(stage.events.stored(), 0U);
}

void long_texts_are_cut() {
    Stage stage;
    stage.events.publish(kPool, 1, {0, 0, EventKind::sealed, 1, 1, "alice", std::string(100'000, 'x')});
    test::equal(stage.read(1, 0).list->events.at(0).detail.size(), driver::kMaximumEventText);
}

constexpr const char* kRegion = "team/app";

struct Served : ManagerFixture {
    Served() {
        start();
        alice = open("alice");
        bob = open("bob");
        test::ok(alice->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 1}));
    }
    /// The next event there is, or comes.
    wire::Event next() {
        const auto list = test::ok(bob->ask<wire::EventList>(wire::Watch{kRegion, seen, UINT32_MAX}));
        seen = list.events.at(0).number;
        return list.events.at(0);
    }
    void must_come(EventKind kind, const std::string& principal,
                   const test::Place& from = test::Place::current()) {
        const auto event = next();
        test::equal(static_cast<int>(event.kind), static_cast<int>(kind), from);
        test::equal(event.principal, principal, from);
    }
    wire::Generation save(RawClient& client) {
        const auto draft = test::ok(client.ask<wire::Begun>(wire::Begin{kRegion, 10}));
        return test::ok(client.ask<wire::Generation>(wire::Seal{draft.draft_id, 10, 0, 0}));
    }
    std::shared_ptr<RawClient> alice, bob;
    std::uint64_t seen = 0;
};

void a_primary_s_life() {
    Served served;
    served.save(*served.alice);
    served.save(*served.alice);
    served.must_come(EventKind::primary_connected, "alice");
    test::equal(served.next().generation, 1U);
    test::equal(served.next().generation, 2U);
    test::ok(served.alice->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}));
    served.must_come(EventKind::log_opened, "alice");
    served.alice->close();
    served.must_come(EventKind::primary_lost, "alice");
    // Its log is free as soon as that is said.
    test::ok(served.bob->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}));
    served.must_come(EventKind::primary_connected, "bob");
}

void who_says_goodbye_is_not_lost() {
    Served served;
    served.save(*served.alice);
    test::ok(served.alice->ask<wire::Empty>(wire::Goodbye{}));
    served.alice->close();
    served.must_come(EventKind::primary_connected, "alice");
    served.must_come(EventKind::sealed, "alice");
    served.must_come(EventKind::primary_left, "alice");
}

void a_reader_is_no_primary() {
    Served served;
    const auto reader = served.open("alice");
    test::ok(reader->ask<wire::Region>(wire::FindRegion{kRegion}));
    reader->close();
    served.save(*served.alice);
    served.must_come(EventKind::primary_connected, "alice");
}

void takeover_and_after() {
    Served served;
    served.save(*served.alice);
    const auto heir = served.open("bob");
    test::ok(heir->ask<wire::TakenOver>(wire::TakeOver{kRegion, {}}));
    served.alice->close();  // a fenced one is missed by nobody
    served.save(*heir);
    test::ok(heir->ask<wire::Empty>(wire::Clear{kRegion}));
    served.must_come(EventKind::primary_connected, "alice");
    served.must_come(EventKind::sealed, "alice");
    const auto taken = served.next();
    CHECK(taken.kind == EventKind::taken_over && taken.principal == "bob" && taken.epoch == 2);
    served.must_come(EventKind::primary_connected, "bob");
    served.must_come(EventKind::sealed, "bob");
    served.must_come(EventKind::cleared, "bob");
}

void a_region_s_end() {
    Served served;
    const auto id = served.bob->post(wire::Watch{kRegion, UINT64_MAX, UINT32_MAX});
    // A session's requests run in order: when this is answered the watch stands.
    const auto behind = served.bob->post(wire::FindRegion{kRegion});
    test::ok(served.bob->answer<wire::Region>(served.bob->receive(), wire::Type::find_region, behind));
    test::ok(served.alice->ask<wire::Empty>(wire::DestroyRegion{kRegion}));
    const auto list =
        test::ok(served.bob->answer<wire::EventList>(served.bob->receive(), wire::Type::watch, id));
    CHECK(list.events.at(0).kind == EventKind::destroyed);
    test::error(served.bob->ask<wire::EventList>(wire::Watch{kRegion, 0, 1}), ENOENT);
}

}  // namespace

int main() {
    return test::run("events", {{"numbered from one", numbered_from_one},
                                {"who watches is told once", who_watches_is_told_once},
                                {"the oldest go", the_oldest_go},
                                {"of all regions together", of_all_regions_together},
                                {"long texts are cut", long_texts_are_cut},
                                {"a primary's life", a_primary_s_life},
                                {"who says goodbye is not lost", who_says_goodbye_is_not_lost},
                                {"a reader is no primary", a_reader_is_no_primary},
                                {"takeover and after", takeover_and_after},
                                {"a region's end", a_region_s_end}});
}
