// Takeover, cursors, events, the restart ladder, and reading all there is.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "lib/base/handle.hh"
#include "tests/unit/client_log_fixture.hh"

namespace {

using namespace pmemckpt;
using test::all_records;
using test::bytes_of;
using test::ManagerHere;
using test::save;
using test::text_of;

/// The primary appends and flushes while a backup takes over: all it was told is durable is there, nothing
/// came after.
void takeover_while_the_primary_appends() {
    ManagerHere here;
    const auto primary = here.connect(), backup = here.connect("bob");
    test::ok(primary->create_region("pair", {}, true));
    save(*primary, "pair", bytes_of("state"));
    std::atomic<std::uint64_t> durable = 0;
    Error end{0, ""};
    std::jthread appending([&] {
        auto appender = primary->open_log("pair");
        Status status = appender ? Status() : tl::unexpected(appender.error());
        for (std::uint64_t count = 1; status; ++count) {
            const auto appended = (*appender)->append(bytes_of(fmt::format("record {}", count)));
            status = appended ? (*appender)->flush() : Status(tl::unexpected(appended.error()));
            if (status)
                durable = count;
        }
        end = status.error();
    });
    test::eventually([&] { return durable > 100; });
    const auto taken = test::ok(backup->take_over("pair", "bobs"));
    const auto at_takeover = all_records(*backup, "pair");
    appending.join();
    test::equal(end.code, ESTALE);
    test::contains(end.message, "fenced: region pair was taken over");
    CHECK(taken.region.epoch == taken.previous_epoch + 1 && taken.newest.number == 1);
    CHECK(at_takeover.size() >= durable);
    CHECK(all_records(*backup, "pair") == at_takeover);
    for (std::size_t at = 0; at < at_takeover.size(); ++at)
        test::equal(text_of(at_takeover[at]), fmt::format("record {}", at + 1));

    const auto appender = test::ok(backup->open_log("pair"));  // the new primary goes on
    test::equal(test::ok(appender->append(bytes_of("after"))), at_takeover.size() + 1);
    test::ok(appender->flush());
    test::equal(text_of(all_records(*backup, "pair").back()), "after");
}

void a_fenced_writer_seals_nothing() {
    ManagerHere here;
    const auto primary = here.connect(), backup = here.connect("bob");
    test::ok(primary->create_region("fenced", {}, true));
    const auto writer = test::ok(primary->begin("fenced", 5));
    test::ok(backup->take_over("fenced"));
    CHECK(!writer->seal());
    test::error(backup->find_generation("fenced"), ENODATA);
    if (primary->state())
        test::contains(test::error(primary->begin("fenced", 5), ESTALE), "fenced");
    save(*backup, "fenced", bytes_of("state"));
    save(*here.connect(), "fenced", bytes_of("other"));  // whoever comes anew is of the new epoch
    test::error(backup->take_over("missing"), ENOENT);
}

void cursors_outlive_connections_and_managers() {
    ManagerHere here;
    auto client = here.connect();
    test::ok(client->create_region("cursors", {}, true));
    save(*client, "cursors", bytes_of("1"));
    save(*client, "cursors", bytes_of("2"));
    test::equal(test::ok(client->cursor("cursors", "backup")).generation, 0U);
    test::ok(client->advance_cursor("cursors", {"backup", 1, 0}));
    test::ok(client->advance_cursor("cursors", {"archive", 2, 0}));
    test::error(client->advance_cursor("cursors", {"archive", 1, 0}), EINVAL);
    test::error(client->advance_cursor("cursors", {"backup", 3, 0}), EINVAL);
    test::error(client->cursor("cursors", std::string(1000, 'x')), ENAMETOOLONG);
    client.reset();
    here.end();
    here.start();
    client = here.connect();
    test::equal(test::ok(client->cursor("cursors", "backup")).generation, 1U);
    const auto all = test::ok(client->cursors("cursors"));
    CHECK(all.size() == 2 && all[0].name == "archive" && all[1].name == "backup");
    test::ok(client->drop_cursor("cursors", "archive"));
    test::equal(test::ok(client->cursors("cursors")).size(), 1U);
}

std::string name_of(const client::Item& item) {
    if (item.record)
        return "record " + text_of(item.record->bytes);
    std::vector<std::byte> bytes(item.generation->generation().length);
    test::ok(item.generation->read(0, bytes));
    return "generation " + text_of(bytes);
}

void all_is_read_in_order() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("all", {}, true));
    save(*client, "all", bytes_of("1"));
    save(*client, "all", bytes_of("2"));
    const auto appender = test::ok(client->open_log("all"));
    test::ok(appender->append(bytes_of("a")));
    test::ok(appender->append(bytes_of("b")));
    test::ok(appender->flush());
    std::string names;
    const auto reader = here.connect("bob");
    test::ok(reader->read_all("all", [&](const client::Item& item) -> Result<bool> {
        names += name_of(item) + ", ";
        return true;
    }));
    test::equal(names, "generation 1, generation 2, record a, record b, ");
    test::error(reader->read_all("all", [](const auto&) -> Result<bool> { return fail(EDOM, "no"); }), EDOM);

    client::FollowOptions options;
    options.cursor = "bob";
    options.wait = false;
    for (const auto* expected : {"generation 1", "generation 2", "record a", "record b"}) {
        std::vector<std::string> seen;
        test::ok(reader->follow("all", options, [&](const client::Item& item) -> Result<bool> {
            seen.push_back(name_of(item));
            return seen.size() < 2;  // one is taken, the second is left for the next time
        }));
        test::equal(seen.at(0), expected);
    }
    test::ok(reader->follow("all", options,
                            [](const auto&) -> Result<bool> { return fail(EDOM, "all was read"); }));
}

/// Pushed: generations and records come by themselves, in order and once, while the primary goes on.
void follow_is_told_at_once() {
    ManagerHere here;
    const auto client = here.connect(), backup = here.connect("bob");
    test::ok(client->create_region("push", {}, true));
    constexpr int kRounds = 6;
    constexpr int kRecords = 20;
    std::vector<std::string> seen;
    std::atomic<std::size_t> count = 0;
    Status ended;
    std::atomic<bool> is_over = false;
    std::jthread following([&] {
        client::FollowOptions options;
        options.cursor = "follower";
        ended = backup->follow("push", options, [&](const client::Item& item) -> Result<bool> {
            seen.push_back(name_of(item));
            count = seen.size();
            return seen.size() < kRounds * (kRecords + 1);
        });
        is_over = true;
    });
    for (int round = 0; round < kRounds; ++round) {
        save(*client, "push", bytes_of(std::to_string(round)));
        const auto appender = test::ok(client->open_log("push"));
        for (int at = 0; at < kRecords; ++at) {
            test::ok(appender->append(bytes_of(fmt::format("{}.{}", round, at))));
            test::ok(appender->flush());
        }
        test::eventually(
            [&] { return is_over || count >= static_cast<std::size_t>((round + 1) * (kRecords + 1)); },
            30'000);
        if (is_over)
            test::ok(Status(ended));
    }
    following.join();
    test::ok(Status(ended));
    std::size_t at = 0;
    for (int round = 0; round < kRounds; ++round) {
        test::equal(seen.at(at++), fmt::format("generation {}", round));
        for (int record = 0; record < kRecords; ++record)
            test::equal(seen.at(at++), fmt::format("record {}.{}", round, record));
    }
    const auto cursor = test::ok(backup->cursor("push", "follower"));  // the last one was not taken
    CHECK(cursor.generation == kRounds && cursor.sequence == kRecords - 1);
}

/// Turns one byte of the pool file where `content` lies.
void damage(const std::vector<std::byte>& content) {
    const FileDescriptor file(::open(ManagerHere::pool_path().c_str(), O_RDWR | O_CLOEXEC));
    struct stat status {};
    CHECK(file && ::fstat(file.get(), &status) == 0);
    const auto size = static_cast<std::size_t>(status.st_size);
    void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    CHECK(mapped != MAP_FAILED);
    auto* bytes = static_cast<std::byte*>(mapped);
    auto* found = ::memmem(bytes, size, content.data(), std::min<std::size_t>(content.size(), 4096));
    if (found)
        static_cast<std::byte*>(found)[1000] ^= std::byte{1};
    ::munmap(mapped, size);
    CHECK(found != nullptr);
}

void the_ladder_goes_down_to_what_is_good() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("ladder", {}, true));
    test::error(client->recover("ladder"), ENODATA);
    std::vector<std::vector<std::byte>> states;
    for (int count = 0; count < 3; ++count) {
        states.push_back(test::random_bytes(200'000));
        save(*client, "ladder", states.back());
    }
    CHECK(test::ok(client->recover("ladder")).skipped.empty());
    damage(states[2]);
    damage(states[1]);
    const auto recovered = test::ok(client->recover("ladder"));
    test::equal(recovered.reader->generation().number, 1U);
    CHECK(recovered.skipped.size() == 2 && recovered.skipped[0].number == 3 &&
          recovered.skipped[1].number == 2);
    test::contains(recovered.skipped[0].why, "CRC-32C");
    damage(states[0]);
    const auto none = test::error(client->recover("ladder"), EBADMSG);
    for (const auto* each : {"generation 3", "generation 2", "generation 1"})
        test::contains(none, each);
}

void watchers_are_told_how_a_primary_ended() {
    ManagerHere here;
    const auto watcher = here.connect("bob");
    test::ok(watcher->create_region("watched", {}, true));
    test::error(watcher->watch("watched", UINT64_MAX, 0), ETIMEDOUT);
    {
        const auto primary = here.connect();
        save(*primary, "watched", bytes_of("state"));
    }
    std::uint64_t after = 0;
    std::vector<wire::EventKind> kinds;
    const auto seen = [&](wire::EventKind kind) {
        while (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
            for (const auto& event : test::ok(watcher->watch("watched", after, 30'000)).events) {
                kinds.push_back(event.kind);
                after = event.number;
            }
    };
    seen(wire::EventKind::sealed);
    seen(wire::EventKind::primary_left);  // it said goodbye
    test::ok(watcher->take_over("watched"));
    seen(wire::EventKind::taken_over);
}

void what_is_kept_can_be_changed() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("kept", {}, true));
    for (int count = 0; count < 5; ++count)
        save(*client, "kept", bytes_of("state"));
    test::ok(client->pin("kept", 2, true));
    CHECK(test::ok(client->find_generation("kept", 2)).pinned == 1);
    test::error(client->pin("kept", 77, true), ENOENT);
    test::equal(test::ok(client->set_retention("kept", 1, 0)).keep, 1U);
    auto left = test::ok(client->generations("kept"));
    CHECK(left.size() == 2 && left[0].number == 2 && left[1].number == 5);
    test::ok(client->set_retention("kept", 0, 3'600'000'000'000));  // an hour
    save(*client, "kept", bytes_of("state"));
    test::equal(test::ok(client->generations("kept")).size(), 3U);
    test::error(client->set_retention("kept", 0, -1), EINVAL);
    test::ok(client->clear("kept"));
    CHECK(test::ok(client->generations("kept")).empty());
    test::equal(save(*client, "kept", bytes_of("state")).number, 7U);
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run("client takeover",
                     {{"takeover while the primary appends", takeover_while_the_primary_appends},
                      {"a fenced writer seals nothing", a_fenced_writer_seals_nothing},
                      {"cursors outlive connections and managers", cursors_outlive_connections_and_managers},
                      {"all is read in order", all_is_read_in_order},
                      {"follow is told at once", follow_is_told_at_once},
                      {"the ladder goes down to what is good", the_ladder_goes_down_to_what_is_good},
                      {"watchers are told how a primary ended", watchers_are_told_how_a_primary_ended},
                      {"what is kept can be changed", what_is_kept_can_be_changed}});
}
