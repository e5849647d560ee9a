// What is kept is never given up: not for a reader's region that is cleared, not for a full pool; and what
// nobody reads any more is free, however its last reader ended.
#include <cerrno>

#include "tests/unit/client_log_fixture.hh"

namespace {

using namespace pmemckpt;
using test::bytes_of;
using test::content;
using test::ManagerHere;
using test::save;

std::uint64_t free_pages(client::Client& client) {
    return test::ok(client.status()).free_pages;
}

/// Takes all free pages and writes to each of them.
void fill(client::Client& client, const std::string& region) {
    save(client, region, test::random_bytes(free_pages(client) * test::kPageBytes));
    test::equal(free_pages(client), 0U);
}

void who_reads_keeps_what_is_cleared() {
    ManagerHere here({}, 16 * kMiB);
    const auto primary = here.connect(), backup = here.connect("bob");
    test::ok(primary->create_region("cleared", {}, true));
    test::ok(primary->create_region("other", {}, true));
    const auto before = free_pages(*primary);
    const auto state = test::random_bytes(1'000'000);
    save(*primary, "cleared", test::random_bytes(500'000));
    save(*primary, "cleared", state);
    auto appender = test::ok(primary->open_log("cleared"));
    for (const auto* record : {"one", "two"})
        test::ok(appender->append(bytes_of(record)));
    test::ok(appender->flush());
    auto reader = test::ok(backup->open("cleared"));
    auto log = test::ok(backup->read_log("cleared"));
    test::equal(test::text_of(test::ok(log->next())->bytes), "one");

    test::ok(primary->clear("cleared"));
    appender.reset();
    CHECK(test::ok(primary->generations("cleared")).empty());
    test::error(backup->open("cleared", 2), ENOENT);
    fill(*primary, "other");  // with other bytes, wherever there is room
    std::vector<std::byte> bytes(state.size());
    test::equal(test::ok(reader->read(0, bytes)), state.size());
    CHECK(bytes == state);
    test::equal(test::text_of(test::ok(log->next())->bytes), "two");
    test::error(log->next(), ESTALE);

    reader.reset();
    log.reset();
    test::ok(primary->clear("other"));
    test::eventually([&] { return free_pages(*primary) == before; });
}

void a_full_pool_drops_nothing_that_is_kept() {
    ManagerHere here({}, 16 * kMiB);
    const auto client = here.connect();
    test::ok(client->create_region("kept", {.keep = 2}, true));
    test::ok(client->create_region("other", {}, true));
    std::vector<std::vector<std::byte>> states;
    for (int count = 0; count < 3; ++count) {
        states.push_back(test::random_bytes(300'000));
        save(*client, "kept", states.back());
        if (count == 0)
            test::ok(client->pin("kept", 1, true));
    }
    fill(*client, "other");
    const auto message = test::error(client->begin("kept", 300'000), ENOSPC);
    test::contains(message, "free");
    const Extent all{{0}, {300'000}};
    test::error(client->begin_clone("kept", 300'000, {&all, 1}), ENOSPC);
    test::error(client->open_log("kept"), ENOSPC);
    for (std::uint64_t number = 1; number <= 3; ++number)
        CHECK(content(*client, "kept", number) == states[number - 1]);
    test::equal(test::ok(client->recover("kept")).reader->generation().number, 3U);
    test::ok(client->clear("other"));
    test::equal(save(*client, "kept", states[0]).number, 4U);
    test::error(client->find_generation("kept", 2), ENOENT);
    CHECK(content(*client, "kept", 1) == states[0]);
}

/// Readers that say nothing at their end, as killed ones don't.
void what_a_dead_reader_held_is_free() {
    test::ManagerFixture served;
    served.start();
    const auto primary = served.open();
    const auto pages = [&] {
        return test::ok(primary->ask<wire::PoolStatus>(wire::StatusRequest{})).free_pages;
    };
    test::ok(primary->ask<wire::Region>(wire::CreateRegion{"held", 1, 0, 1}));
    const auto before = pages();
    const auto draft = test::ok(primary->ask<wire::Begun>(wire::Begin{"held", 5 * kMiB}));
    test::ok(primary->ask<wire::Generation>(wire::Seal{draft.draft_id, 5 * kMiB, 0, 0}));
    const auto with_it = pages();
    const auto dead = served.open("bob"), living = served.open("bob");
    test::ok(dead->ask<wire::OpenedGeneration>(wire::OpenGeneration{"held", 1}));
    const auto opened = test::ok(living->ask<wire::OpenedGeneration>(wire::OpenGeneration{"held", 1}));
    test::ok(primary->ask<wire::Empty>(wire::Clear{"held"}));
    test::equal(pages(), with_it);
    dead->close();
    static_cast<void>(dead->ended());
    test::ok(living->read(opened.window, 0, kMiB));
    test::equal(pages(), with_it);  // the other one still reads
    living->close();
    static_cast<void>(living->ended());
    test::eventually([&] { return pages() == before; });
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run("client keep",
                     {{"who reads keeps what is cleared", who_reads_keeps_what_is_cleared},
                      {"a full pool drops nothing that is kept", a_full_pool_drops_nothing_that_is_kept},
                      {"what a dead reader held is free", what_a_dead_reader_held_is_free}});
}
