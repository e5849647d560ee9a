// Takeovers, over real connections: who was primary writes nothing any more, whatever is in flight; who took
// over writes on. time-limit: 180
#include <atomic>
#include <cerrno>
#include <thread>

#include "lib/base/crc32c.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using test::Bytes;
using test::ManagerFixture;
using test::RawClient;

namespace {

constexpr std::uint64_t kSize = 5 * kMiB + 123;  // three pages, the last not full
constexpr const char* kRegion = "team/app";

struct Served : ManagerFixture {
    Served() {
        start();
        primary = open("alice");
        test::ok(primary->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 1}));
        backup = open("bob");
    }
    std::shared_ptr<RawClient> primary, backup;
};

wire::Begun begin(RawClient& client, std::uint64_t size = kSize) {
    return test::ok(client.ask<wire::Begun>(wire::Begin{kRegion, size}));
}
wire::TakenOver take_over(RawClient& client, const std::string& cursor = {}) {
    return test::ok(client.ask<wire::TakenOver>(wire::TakeOver{kRegion, cursor}));
}
Result<wire::Generation> seal(RawClient& client, const wire::Begun& draft, std::uint64_t length = kSize) {
    return client.ask<wire::Generation>(wire::Seal{draft.draft_id, length, 0, 0});
}
std::uint64_t free_pages(RawClient& client) {
    return test::ok(client.ask<wire::PoolStatus>(wire::StatusRequest{})).free_pages;
}
Bytes newest(RawClient& client) {
    const auto opened = test::ok(client.ask<wire::OpenedGeneration>(wire::OpenGeneration{kRegion, 0}));
    auto content = test::ok(client.read(opened.window, 0, opened.generation.length));
    test::equal(crc32c(content), opened.generation.crc32c);
    return content;
}
void check_fenced(const std::string& sentence) {
    test::contains(sentence, "fenced: region team/app was taken over by bob at 20");
    test::contains(sentence, "(epoch 2); open it anew");
}

void the_primary_is_fenced() {
    Served served;
    const auto before = free_pages(*served.backup);
    const auto draft = begin(*served.primary), other = begin(*served.primary);
    const auto taken = take_over(*served.backup);
    test::equal(taken.previous_epoch, 1U);
    test::equal(taken.region.epoch, 2U);
    test::equal(taken.newest.number, 0U);
    test::equal(free_pages(*served.backup), before);  // its drafts are dropped, though it has said nothing
    CHECK(served.ask_admin().find(R"("windows":[])") != std::string::npos);

    check_fenced(test::error(seal(*served.primary, draft), ESTALE));
    check_fenced(test::error(served.primary->ask<wire::Begun>(wire::Begin{kRegion, 1}), ESTALE));
    check_fenced(test::error(served.primary->ask<wire::Cloning>(wire::BeginClone{kRegion, 1, 0}), ESTALE));
    check_fenced(test::error(served.primary->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}), ESTALE));
    check_fenced(test::error(served.primary->ask<wire::LogGranted>(wire::GrowLog{kRegion, 1, 1, 1}), ESTALE));
    check_fenced(test::error(served.primary->ask<wire::Empty>(wire::Clear{kRegion}), ESTALE));
    test::ok(served.primary->ask<wire::Empty>(wire::Abort{other.draft_id}));
    // It may look on, and as a new session it may write.
    test::equal(test::ok(served.primary->ask<wire::Region>(wire::FindRegion{kRegion})).epoch, 2U);
    const auto again = served.open("alice");
    test::equal(test::ok(seal(*again, begin(*again))).epoch, 2U);
}

void the_successor_writes_on() {
    Served served;
    const auto first = begin(*served.primary);
    auto content = test::random_bytes(kSize);
    test::ok(served.primary->write(first.window, 0, content));
    test::equal(test::ok(seal(*served.primary, first)).epoch, 1U);
    const auto taken = take_over(*served.backup);
    test::equal(taken.newest.number, 1U);
    test::equal(taken.region.newest, 1U);
    CHECK(newest(*served.backup) == content);
    const auto sealed = test::ok(seal(*served.backup, begin(*served.backup)));
    test::equal(sealed.epoch, 2U);
    test::equal(sealed.number, 2U);
    test::equal(sealed.writer, "bob");
}

// What the taker has begun before is of the old epoch, too.
void own_drafts_go_too() {
    Served served;
    const auto draft = begin(*served.backup);
    take_over(*served.backup);
    check_fenced(test::error(seal(*served.backup, draft), ESTALE));
    test::equal(test::ok(seal(*served.backup, begin(*served.backup))).epoch, 2U);
}

void a_killed_window_takes_nothing() {
    Served served;
    const auto old = begin(*served.primary);
    take_over(*served.backup);
    const auto draft = begin(*served.backup);  // on the same pages
    served.primary->write_refused(old.window);
    test::ok(seal(*served.backup, draft));
    CHECK(newest(*served.backup) == Bytes(kSize));
}

// The primary writes all the time; the pages it wrote to are another's, blank, as soon as the takeover is
// answered.
void nothing_in_flight_lands() {
    Served served;
    for (int round = 0; round < 5; ++round) {
        const auto primary = served.open("alice");
        const auto old = begin(*primary);
        std::jthread writer([&](const std::stop_token& stop) {
            Bytes poison(kSize, std::byte{0xee});
            while (!stop.stop_requested() && primary->write(old.window, 0, poison)) {
            }
        });
        take_over(*served.backup);
        test::ok(seal(*served.backup, begin(*served.backup)));
        CHECK(newest(*served.backup) == Bytes(kSize));
        primary->ended_as_refused();
        CHECK(newest(*served.backup) == Bytes(kSize));
    }
}

void no_window_of_an_older_epoch_in_a_race() {
    Served served;
    std::atomic<bool> done = false;
    std::atomic<int> fenced = 0;
    const auto write_on = [&] {
        auto client = served.open("alice");
        while (!done) {
            const auto draft = client->ask<wire::Begun>(wire::Begin{kRegion, 4096});
            const auto sealed = draft ? seal(*client, *draft, 4096).map([](const auto&) {})
                                      : Status(tl::unexpected<Error>(draft.error()));
            if (sealed)
                continue;
            test::equal(sealed.error().code, ESTALE);
            test::contains(sealed.error().message, "fenced: region team/app was taken over by bob");
            ++fenced;
            client = served.open("alice");
        }
    };
    const auto checked = [&] {
        try {
            write_on();
        } catch (const test::Failure& failure) {
            std::fprintf(stderr, "%s\n", failure.what());
            fenced = -1'000'000;
        }
    };
    {
        std::jthread first(checked), second(checked);
        for (std::uint64_t round = 0; round < 40; ++round) {
            test::equal(take_over(*served.backup).previous_epoch, 1 + round);
            // Nobody has a window of an older epoch now; this one is of the new.
            test::equal(test::ok(seal(*served.backup, begin(*served.backup, 4096), 4096)).epoch, 2 + round);
        }
        done = true;
    }
    CHECK(fenced >= 0);
    std::uint64_t epoch = 0;
    const auto kept = test::ok(served.backup->ask<wire::GenerationList>(wire::ListGenerations{kRegion, 0}));
    for (const auto& generation : kept.generations) {
        CHECK(generation.epoch >= epoch);
        epoch = generation.epoch;
    }
}

void the_log_s_windows_die() {
    Served served;
    const auto log = test::ok(served.primary->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1 * kMiB, 0}));
    test::contains(served.ask_admin(), R"("access":"both")");
    take_over(*served.backup);
    CHECK(served.ask_admin().find(R"("windows":[])") != std::string::npos);
    const auto mine = test::ok(served.backup->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1 * kMiB, 0}));
    test::equal(mine.epoch, 2U);
    CHECK(mine.term > log.term);
    served.primary->write_refused(log.segments.at(0).window);
    test::ok(served.backup->read(mine.segments.at(0).window, 0, 8));
}

void the_cursor_comes_with_it() {
    Served served;
    test::ok(seal(*served.primary, begin(*served.primary)));
    test::equal(take_over(*served.backup, "reader").cursor.generation, 0U);
    test::ok(served.backup->ask<wire::Empty>(wire::CursorAdvance{kRegion, {"reader", 1, 0}}));
    const auto taken = take_over(*served.backup, "reader");
    test::equal(taken.cursor.name, "reader");
    test::equal(taken.cursor.generation, 1U);
    test::equal(taken.previous_epoch, 2U);
    test::error(served.backup->ask<wire::TakenOver>(wire::TakeOver{"team/none", {}}), ENOENT);
}

// A session that found the region before a takeover is fenced even if it never wrote; one that only reads is
// not.
void who_found_it_before_is_fenced() {
    Served served;
    const auto finder = served.open("alice"), reader = served.open("alice");
    test::ok(finder->ask<wire::Region>(wire::FindRegion{kRegion}));
    test::ok(reader->ask<wire::GenerationList>(wire::ListGenerations{kRegion, 0}));
    take_over(*served.backup);
    check_fenced(test::error(finder->ask<wire::Begun>(wire::Begin{kRegion, 1}), ESTALE));
    test::equal(test::ok(seal(*reader, begin(*reader, 1), 1)).epoch, 2U);
}

void the_epoch_outlives_the_manager() {
    Served served;
    take_over(*served.backup);
    served.primary.reset();
    served.backup.reset();
    served.manager.reset();
    served.start();
    const auto client = served.open();
    test::equal(test::ok(client->ask<wire::Region>(wire::FindRegion{kRegion})).epoch, 2U);
    test::equal(take_over(*client).previous_epoch, 2U);
}

}  // namespace

int main() {
    return test::run("takeover",
                     {{"the primary is fenced", the_primary_is_fenced},
                      {"the successor writes on", the_successor_writes_on},
                      {"own drafts go too", own_drafts_go_too},
                      {"a killed window takes nothing", a_killed_window_takes_nothing},
                      {"nothing in flight lands", nothing_in_flight_lands},
                      {"no window of an older epoch in a race", no_window_of_an_older_epoch_in_a_race},
                      {"the log's windows die", the_log_s_windows_die},
                      {"the cursor comes with it", the_cursor_comes_with_it},
                      {"who found it before is fenced", who_found_it_before_is_fenced},
                      {"the epoch outlives the manager", the_epoch_outlives_the_manager}});
}
