// The C API end to end, and what it says when it is used wrongly.
#include <pmemckpt/pmemckpt.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <pmemckpt/pmemckpt.hh>
#include <thread>

#include "lib/base/crc32c.hh"
#include "tests/unit/client_fixture.hh"

namespace {

using namespace pmemckpt;
using test::ManagerHere;

struct Connected {
    ManagerHere here;
    client::Options texts = here.options();
    pmemckpt_client* client = nullptr;

    Connected() {
        const auto given = options();
        test::equal(pmemckpt_connect(&given, &client), 0);
        test::equal(pmemckpt_open_region(client, "c/api", 2, 0), 0);
    }
    ~Connected() { pmemckpt_disconnect(client); }
    pmemckpt_options options() const {
        pmemckpt_options given = {};
        given.server = texts.server.c_str();
        given.principal = texts.principal.c_str();
        given.key_dir = texts.key_dir.c_str();
        return given;
    }
};

void expect_error(int64_t status, int code, const std::string& part,
                  test::Place place = test::Place::current()) {
    test::equal(status, static_cast<int64_t>(-code), place);
    test::contains(pmemckpt_error(), part, place);
}

pmemckpt_generation save(pmemckpt_client* client, const std::vector<std::byte>& bytes) {
    pmemckpt_writer* writer = nullptr;
    pmemckpt_generation generation = {};
    test::equal(pmemckpt_begin(client, "c/api", bytes.size(), &writer), 0);
    test::equal(pmemckpt_write(writer, 0, bytes.data(), bytes.size()), 0);
    test::equal(pmemckpt_seal(writer, bytes.size(), &generation), 0);
    return generation;
}

void end_to_end() {
    const Connected connected;
    auto* client = connected.client;
    auto bytes = test::random_bytes(1'234'567);
    pmemckpt_buffer* buffer = nullptr;
    pmemckpt_writer* writer = nullptr;
    test::equal(pmemckpt_register(client, bytes.data(), bytes.size(), &buffer), 0);
    test::equal(pmemckpt_begin(client, "c/api", bytes.size() + 100, &writer), 0);
    test::equal(pmemckpt_write_buffer(writer, 1000, buffer, 1000, bytes.size() - 1000), 0);
    test::equal(pmemckpt_write(writer, 0, bytes.data(), 1000), 0);
    test::equal(pmemckpt_flush(writer), 0);
    pmemckpt_generation generation;
    std::memset(&generation, 0xff, sizeof generation);
    test::equal(pmemckpt_seal(writer, bytes.size(), &generation), 0);
    pmemckpt_unregister(buffer);
    test::equal(generation.number, 1U);
    test::equal(generation.length, bytes.size());
    test::equal(generation.crc32c, crc32c(bytes));
    test::equal(generation.durability, static_cast<std::uint32_t>(PMEMCKPT_DURABILITY_PAGE));
    test::equal(std::string(generation.writer), "alice");
    CHECK(generation.sealed_ns > 0 && generation.epoch == 1 && generation.reserved[61] == 0);

    pmemckpt_reader* reader = nullptr;
    test::equal(pmemckpt_open(client, "c/api", 0, &reader), 0);
    pmemckpt_generation opened;
    pmemckpt_generation_of(reader, &opened);
    test::equal(std::memcmp(&opened, &generation, sizeof opened), 0);
    std::vector<std::byte> back(bytes.size() + 10);
    test::equal(pmemckpt_read(reader, 0, back.data(), back.size()), static_cast<int64_t>(bytes.size()));
    test::equal(std::memcmp(back.data(), bytes.data(), bytes.size()), 0);
    test::equal(pmemckpt_read(reader, bytes.size() - 1, back.data(), 10), int64_t{1});
    test::equal(pmemckpt_read(reader, bytes.size(), back.data(), 10), int64_t{0});
    pmemckpt_close(reader);
}

void listings() {
    const Connected connected;
    auto* client = connected.client;
    for (int count = 0; count < 4; ++count)
        save(client, test::random_bytes(10));
    test::equal(pmemckpt_open_region(client, "a", 0, 0), 0);
    char** names = nullptr;
    std::size_t count = 0;
    test::equal(pmemckpt_list_regions(client, &names, &count), 0);
    test::equal(count, std::size_t{2});
    test::equal(std::string(names[0]), "a");
    test::equal(std::string(names[1]), "c/api");
    pmemckpt_free_names(names, count);

    pmemckpt_generation list[2] = {};
    test::equal(pmemckpt_list_generations(client, "c/api", list, 1, &count), 0);
    test::equal(count, std::size_t{2});
    test::equal(list[0].number, 3U);
    test::equal(list[1].number, 0U);
    test::equal(pmemckpt_list_generations(client, "c/api", nullptr, 0, &count), 0);
    test::equal(count, std::size_t{2});
    test::equal(pmemckpt_destroy_region(client, "a"), 0);
    expect_error(pmemckpt_destroy_region(client, "a"), ENOENT, "a");
}

void mistakes_have_their_sentence() {
    const Connected connected;
    auto* client = connected.client;
    pmemckpt_writer* writer = nullptr;
    pmemckpt_reader* reader = nullptr;
    pmemckpt_client* other = nullptr;
    std::size_t count = 0;
    expect_error(pmemckpt_connect(nullptr, nullptr), EINVAL, "pmemckpt_connect: client is NULL");
    expect_error(pmemckpt_begin(nullptr, "c/api", 1, &writer), EINVAL, "pmemckpt_begin: client is NULL");
    expect_error(pmemckpt_begin(client, nullptr, 1, &writer), EINVAL, "region is NULL");
    expect_error(pmemckpt_begin(client, "c/api", 1, nullptr), EINVAL, "writer is NULL");
    expect_error(pmemckpt_seal(nullptr, 0, nullptr), EINVAL, "writer is NULL");
    expect_error(pmemckpt_flush(nullptr), EINVAL, "writer is NULL");
    expect_error(pmemckpt_read(nullptr, 0, nullptr, 0), EINVAL, "reader is NULL");
    expect_error(pmemckpt_list_generations(client, "c/api", nullptr, 1, &count), EINVAL,
                 "generations is NULL");
    expect_error(pmemckpt_wait(client, nullptr, 0, 0, nullptr), EINVAL, "region is NULL");
    expect_error(pmemckpt_register(client, nullptr, 1, nullptr), EINVAL, "memory is NULL");
    auto given = connected.options();
    given.reserved[3] = 1;
    expect_error(pmemckpt_connect(&given, &other), EINVAL, "reserved");
    CHECK(other == nullptr);

    expect_error(pmemckpt_open(client, "c/api", 0, &reader), ENODATA, "c/api");
    expect_error(pmemckpt_open(client, "c/api", 7, &reader), ENOENT, "7");
    expect_error(pmemckpt_begin(client, "c/none", 1, &writer), ENOENT, "c/none");
    CHECK(reader == nullptr && writer == nullptr);
    expect_error(pmemckpt_wait(client, "c/api", 0, 1, nullptr), ETIMEDOUT, "within 1 ms");
    test::equal(pmemckpt_begin(client, "c/api", 10, &writer), 0);
    expect_error(pmemckpt_write(writer, 0, nullptr, 1), EINVAL, "bytes is NULL");
    expect_error(pmemckpt_write(writer, 8, "123", 3), ERANGE, "3 bytes at 8");
    expect_error(pmemckpt_seal(writer, 10, nullptr), ERANGE, "3 bytes at 8");  // frees it
    pmemckpt_disconnect(nullptr);
    pmemckpt_unregister(nullptr);
    pmemckpt_abort(nullptr);
    pmemckpt_close(nullptr);
    pmemckpt_free_names(nullptr, 3);
    pmemckpt_generation_of(nullptr, nullptr);
    CHECK(std::strlen(pmemckpt_version()) > 0);
}

void each_thread_has_its_own_error() {
    const Connected connected;
    expect_error(pmemckpt_destroy_region(connected.client, "mine"), ENOENT, "mine");
    std::string theirs = "?";
    std::jthread([&] {
        theirs = pmemckpt_error();
        static_cast<void>(pmemckpt_destroy_region(connected.client, "theirs"));
    }).join();
    test::equal(theirs, "");
    test::contains(pmemckpt_error(), "mine");
    save(connected.client, {});  // success leaves it
    test::contains(pmemckpt_error(), "mine");
}

void a_waiting_backup_is_woken() {
    const Connected connected;
    std::atomic<std::uint64_t> seen = 0;
    std::jthread backup([&] {
        pmemckpt_generation newest = {};
        if (pmemckpt_wait(connected.client, "c/api", 0, UINT32_MAX, &newest) == 0)
            seen = newest.number;
    });
    save(connected.client, test::random_bytes(10));
    backup.join();
    test::equal(seen.load(), 1U);
}

void the_cpp_wrapper() {
    ManagerHere here;
    const auto texts = here.options();
    const api::Options options{texts.server, "", texts.principal, texts.key_dir, texts.transport, 0};
    api::Client client(options);
    client.open_region("c++");
    CHECK(!client.open_newest("c++"));
    auto bytes = test::random_bytes(100'000);
    for (int round = 0; round < 3; ++round) {
        const auto buffer = client.register_memory(bytes.data(), bytes.size());
        auto writer = client.begin("c++", bytes.size());
        writer.write(0, buffer, 0, 50'000);
        writer.write(50'000, bytes.data() + 50'000, 50'000);
        test::equal(writer.seal().number, static_cast<std::uint64_t>(round + 1));
    }
    client.begin("c++", 10).write(0, bytes.data(), 10);  // not sealed: dropped
    const auto reader = client.open_newest("c++");
    CHECK(reader.has_value());
    std::vector<std::byte> back(bytes.size());
    test::equal(reader->read(0, back.data(), back.size()), bytes.size());
    CHECK(back == bytes);
    test::equal(client.generations("c++").size(), std::size_t{3});
    test::equal(client.regions().size(), std::size_t{1});
    test::equal(client.wait("c++", 2).number, 3U);
    try {
        client.open("c++", 9);
        test::fail_at(test::Place::current(), "there is no generation 9");
    } catch (const api::Error& error) {
        test::equal(error.code().value(), ENOENT);
        test::equal(std::string(error.what()), std::string(pmemckpt_error()));
        CHECK(!error.is_connection());
    }
    here.end();
    try {
        for (;;)
            client.regions();
    } catch (const api::Error& error) {
        CHECK(error.is_connection());
    }
}

int name_items(void* context, pmemckpt_reader* generation, const pmemckpt_record* record) {
    auto& names = *static_cast<std::string*>(context);
    pmemckpt_generation told = {};
    pmemckpt_generation_of(generation, &told);
    names += generation ? fmt::format("generation {}, ", told.number)
                        : std::string(static_cast<const char*>(record->bytes), record->size) + ", ";
    return names.size() < 1000 ? 1 : 0;
}

void logs_cursors_and_takeover() {
    const Connected connected;
    auto* client = connected.client;
    save(client, std::vector<std::byte>(1000));
    pmemckpt_appender* appender = nullptr;
    uint64_t sequence = 0;
    test::equal(pmemckpt_open_log(client, "c/api", &appender), 0);
    test::equal(pmemckpt_log_durability(appender), static_cast<std::uint32_t>(PMEMCKPT_DURABILITY_PAGE));
    test::equal(pmemckpt_log_durability(nullptr), 0U);
    test::equal(pmemckpt_append(appender, "one", 3, &sequence), 0);
    test::equal(pmemckpt_append(appender, "two", 3, &sequence), 0);
    test::equal(sequence, 2U);
    expect_error(pmemckpt_append(appender, nullptr, 0, nullptr), EINVAL, "0 bytes");
    test::equal(pmemckpt_flush_log(appender), 0);
    pmemckpt_log* log = nullptr;
    pmemckpt_record record = {};
    test::equal(pmemckpt_read_log(client, "c/api", &log), 0);
    test::equal(pmemckpt_skip_records(log, 1), 0);
    test::equal(pmemckpt_next_record(log, &record), 1);
    test::equal(std::string(static_cast<const char*>(record.bytes), record.size), "two");
    CHECK(record.sequence == 2 && record.generation == 1);
    test::equal(pmemckpt_next_record(log, &record), 0);
    pmemckpt_close_log_reader(log);
    std::string names;
    test::equal(pmemckpt_read_all(client, "c/api", name_items, &names), 0);
    test::equal(names, "generation 1, one, two, ");

    pmemckpt_follow_options options = {};
    options.cursor = "backup";
    options.return_at_end = 1;
    names.clear();
    test::equal(pmemckpt_follow(client, "c/api", &options, name_items, &names), 0);
    test::equal(pmemckpt_follow(client, "c/api", &options, name_items, &names), 0);
    test::equal(names, "generation 1, one, two, ");  // once
    pmemckpt_cursor cursor = {};
    size_t count = 0;
    test::equal(pmemckpt_list_cursors(client, "c/api", &cursor, 1, &count), 0);
    CHECK(count == 1 && cursor.generation == 1 && cursor.sequence == 2 &&
          std::string(cursor.name) == "backup");
    expect_error(pmemckpt_advance_cursor(client, "c/api", nullptr), EINVAL, "cursor is NULL");

    pmemckpt_takeover takeover = {};
    test::equal(pmemckpt_take_over(client, "c/api", "backup", &takeover), 0);
    CHECK(takeover.epoch == 2 && takeover.newest == 1 && takeover.records == 2 &&
          takeover.cursor.sequence == 2);
    expect_error(pmemckpt_append(appender, "three", 5, nullptr), ESTALE, "open it anew");
    pmemckpt_close_log(appender);
    pmemckpt_event events[100];
    test::equal(pmemckpt_watch(client, "c/api", 0, 1000, events, 100, &count, nullptr), 0);
    CHECK(count > 0 && events[count - 1].kind == PMEMCKPT_TAKEN_OVER);
    test::equal(pmemckpt_clear(client, "c/api"), 0);
    expect_error(pmemckpt_read_log(client, "c/api", &log), ENODATA, "c/api");
}

void clones_of_tracked_memory() {
    const Connected connected;
    api::Client client({connected.texts.server, "", "alice", connected.texts.key_dir, "", 0});
    auto state = test::random_bytes(300'000);
    api::DirtyTracker tracker(state.data(), state.size());
    tracker.collect();
    save(connected.client, state);
    for (int round = 0; round < 5; ++round) {
        state[test::generator()() % state.size()] ^= std::byte{1};
        const auto dirty = tracker.collect();
        CHECK(!dirty.empty());
        auto writer = client.begin_clone("c/api", state.size(), dirty);
        for (const auto& range : dirty)
            writer.write(range.offset, state.data() + range.offset, range.length);
        test::equal(writer.seal().crc32c, crc32c(state));
    }
    client.set_retention("c/api", 1, 0);
    client.pin("c/api", 6);
    std::size_t skipped = 9;
    test::equal(static_cast<int>(client.recover("c/api", &skipped).generation().pinned), 1);
    test::equal(skipped, 0U);
    pmemckpt_tracker* none = nullptr;
    expect_error(pmemckpt_track(state.data(), state.size(), "guessing", &none), EINVAL, "guessing");
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run("C API", {{"end to end", end_to_end},
                               {"listings", listings},
                               {"mistakes have their sentence", mistakes_have_their_sentence},
                               {"each thread has its own error", each_thread_has_its_own_error},
                               {"a waiting backup is woken", a_waiting_backup_is_woken},
                               {"the C++ wrapper", the_cpp_wrapper},
                               {"logs, cursors and takeover", logs_cursors_and_takeover},
                               {"clones of tracked memory", clones_of_tracked_memory}});
}
