// What pmemckpt.hh has for backups: a sink that may throw, events, cursors, and a wait that another thread
// ends.
#include <atomic>
#include <cerrno>
#include <pmemckpt/pmemckpt.hh>
#include <stdexcept>
#include <thread>

#include "tests/unit/client_fixture.hh"

namespace {

using namespace pmemckpt;
using test::ManagerHere;

constexpr const char* kRegion = "c++/api";

struct Connected {
    ManagerHere here;
    api::Client client = connect();

    Connected() { client.open_region(kRegion); }
    api::Client connect() const {
        const auto texts = here.options();
        return api::Client({texts.server, "", texts.principal, texts.key_dir, texts.transport, 0});
    }
    /// One generation of this many bytes.
    void seal(std::size_t size) {
        const auto bytes = test::random_bytes(size);
        auto writer = client.begin(kRegion, size);
        writer.write(0, bytes.data(), size);
        writer.seal();
    }
    void append(std::initializer_list<std::string> records) {
        auto log = client.open_log(kRegion);
        for (const auto& record : records)
            log.append(record.data(), record.size());
        log.flush();
    }
};

std::string name_of(const api::Item& item) {
    CHECK((item.generation == nullptr) != (item.record == nullptr));
    if (item.record)
        return std::string(static_cast<const char*>(item.record->bytes), item.record->size) + " ";
    std::vector<std::byte> content(item.generation->generation().length + 1);
    test::equal(item.generation->read(0, content.data(), content.size()), content.size() - 1);
    return fmt::format("generation {} ", item.generation->generation().number);
}

/// Code of the error that `act` throws; 0: none.
template <class Act>
int code_of(Act&& act) {
    try {
        act();
    } catch (const api::Error& error) {
        return error.code().value();
    }
    return 0;
}

void all_is_read_in_order() {
    Connected connected;
    connected.seal(1000);
    connected.seal(2'000'000);
    connected.append({"one", "two"});
    std::string names;
    const api::Sink sink = [&](const api::Item& item) {
        names += name_of(item);
        return true;
    };
    connected.client.read_all(kRegion, sink);
    test::equal(names, "generation 1 generation 2 one two ");

    names.clear();
    api::FollowOptions options;
    options.cursor = "spare";
    options.return_at_end = true;
    connected.client.follow(kRegion, options, sink);
    connected.client.follow(kRegion, options, sink);
    test::equal(names, "generation 1 generation 2 one two ");  // once
    connected.append({"three"});
    options.keep_cursor = true;
    names.clear();
    connected.client.follow(kRegion, options, sink);
    connected.client.follow(kRegion, options, sink);
    test::equal(names, "three three ");
}

void a_sink_that_stops_or_throws_has_not_read() {
    Connected connected;
    connected.append({"one", "two", "three"});
    api::FollowOptions options;
    options.cursor = "spare";
    std::string names;
    connected.client.follow(kRegion, options, [&](const api::Item& item) {
        names += name_of(item);
        return item.record->sequence < 2;  // stops before the second
    });
    test::equal(names, "one two ");
    try {
        connected.client.follow(kRegion, options, [&](const api::Item& item) -> bool {
            throw std::runtime_error(name_of(item) + "is too much");
        });
        test::fail_at(test::Place::current(), "the exception did not arrive");
    } catch (const std::runtime_error& error) {
        test::equal(std::string(error.what()), "two is too much");
    }
    test::equal(connected.client.cursor(kRegion, "spare").sequence, 1U);
    // Of an exception of the library, thrown by a call that the sink itself makes, the code arrives.
    test::equal(code_of([&] {
                    connected.client.read_all(kRegion, [&](const api::Item&) {
                        return connected.client.open(kRegion, 9).generation().number > 0;
                    });
                }),
                ENOENT);
    test::equal(code_of([&] { connected.client.read_all("c++/none", [](const auto&) { return true; }); }),
                ENOENT);
}

void a_generation_outlives_the_sink_that_threw() {
    Connected connected;
    connected.seal(100'000);
    for (int round = 0; round < 3; ++round)
        try {
            connected.client.read_all(kRegion, [](const api::Item&) -> bool { throw 7; });
            test::fail_at(test::Place::current(), "the exception did not arrive");
        } catch (int) {
        }
    std::string names;
    connected.client.read_all(kRegion,
                              [&](const api::Item& item) { return !(names = name_of(item)).empty(); });
    test::equal(names, "generation 1 ");
}

void cursors_are_listed() {
    Connected connected;
    connected.append({"one"});
    test::equal(connected.client.cursors(kRegion).size(), std::size_t{0});
    constexpr std::size_t kMany = 40;  // more than one listing has room for
    for (std::size_t at = 0; at < kMany; ++at) {
        api::Cursor cursor = {};
        std::snprintf(cursor.name, sizeof cursor.name, "backup%02zu", at);
        cursor.sequence = 1;
        connected.client.advance_cursor(kRegion, cursor);
    }
    const auto cursors = connected.client.cursors(kRegion);
    test::equal(cursors.size(), kMany);
    test::equal(std::string(cursors.back().name), "backup39");
    test::equal(cursors.back().sequence, 1U);
}

void events_come_in_order() {
    Connected connected;
    connected.append({"one"});
    for (int count = 0; count < 70; ++count)
        connected.seal(10);
    connected.client.take_over(kRegion);
    std::uint64_t after = 0;
    std::uint32_t last_kind = 0;
    std::uint64_t lost = 9;
    while (last_kind != PMEMCKPT_TAKEN_OVER)
        for (const auto& event : connected.client.watch(kRegion, after, 10'000, &lost)) {
            CHECK(event.number > after);
            after = event.number;
            last_kind = event.kind;
        }
    test::equal(lost, 0U);
    CHECK(after > 70);
    test::equal(code_of([&] { connected.client.watch(kRegion, after, 1); }), ETIMEDOUT);
}

void a_primary_that_shuts_down_has_left() {
    Connected connected;
    auto primary = connected.connect();
    auto log = primary.open_log(kRegion);
    test::equal(log.durability(), PMEMCKPT_DURABILITY_PAGE);
    log.append("one", 3);
    log.flush();
    const auto after = connected.client.watch(kRegion, 0, 10'000).back().number;
    primary.shut_down();
    test::equal(connected.client.watch(kRegion, after, 10'000).front().kind,
                std::uint32_t{PMEMCKPT_PRIMARY_LEFT});
    CHECK(code_of([&] { log.append("two", 3), log.flush(); }) != 0);
}

/// Whatever a thread waits for: another one ends it, with the same code.
void who_waits_is_shut_down() {
    Connected connected;
    connected.append({"one"});
    const std::function<void(api::Client&, std::atomic<bool>&)> waits[] = {
        [](api::Client& client, std::atomic<bool>& waiting) {
            client.follow(kRegion, {}, [&](const api::Item&) { return waiting = true; });
        },
        [](api::Client& client, std::atomic<bool>& waiting) {
            client.follow(kRegion, {"", false, 20, false}, [&](const api::Item&) { return waiting = true; });
        },
        [](api::Client& client, std::atomic<bool>& waiting) {
            waiting = true;
            client.watch(kRegion, std::numeric_limits<std::uint64_t>::max());
        },
        [](api::Client& client, std::atomic<bool>& waiting) {
            waiting = true;
            client.wait(kRegion, 0);
        }};
    for (const auto& wait : waits) {
        auto client = connected.connect();
        std::atomic<bool> waiting = false;
        std::atomic<int> code = 0;
        std::jthread waiter([&] { code = code_of([&] { wait(client, waiting); }); });
        while (!waiting)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        client.shut_down();
        waiter.join();
        test::equal(code.load(), ESHUTDOWN);
        test::equal(code_of([&] { client.regions(); }), ESHUTDOWN);
        client.shut_down();  // again: nothing happens
    }
    test::equal(pmemckpt_shut_down(nullptr), -EINVAL);
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run(
        "C++ API", {{"all is read in order", all_is_read_in_order},
                    {"a sink that stops or throws has not read", a_sink_that_stops_or_throws_has_not_read},
                    {"a generation outlives the sink that threw", a_generation_outlives_the_sink_that_threw},
                    {"cursors are listed", cursors_are_listed},
                    {"events come in order", events_come_in_order},
                    {"a primary that shuts down has left", a_primary_that_shuts_down_has_left},
                    {"who waits is shut down", who_waits_is_shut_down}});
}
