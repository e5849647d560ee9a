// The source that asks a manager: what is sealed is what is read, also when the manager was away in between.
#include <algorithm>
#include <cerrno>
#include <thread>

#include "fuse/connection.hh"
#include "fuse/remote_source.hh"
#include "lib/base/log.hh"
#include "tests/unit/client_fixture.hh"

namespace {

using namespace pmemckpt;
using test::ManagerHere;
using test::save;

std::vector<std::byte> read_all(view::Content& content) {
    std::vector<std::byte> bytes(content.generation().length);
    test::equal(test::ok(content.read(0, bytes)), bytes.size());
    return bytes;
}

/// A manager with a region of three generations, and a source.
struct Fixture {
    ManagerHere here;
    std::vector<std::vector<std::byte>> sealed;
    std::unique_ptr<view::Source> source;

    explicit Fixture(std::uint32_t keep = 0, driver::Limits limits = {}) : here(limits) {
        log::set_level(log::Level::error);
        const auto client = here.connect();
        test::ok(client->create_region("team/app", {keep, 0}, true));
        for (const std::size_t size : {std::size_t{100}, std::size_t{0}, 3 * kMiB + 5}) {
            sealed.push_back(test::random_bytes(size));
            save(*client, "team/app", sealed.back());
        }
        source = test::ok(view::open_remote_source(here.options()));
    }
    /// Seals one generation more, as the primary.
    void seal() { save(*here.connect(), "team/app", test::random_bytes(10)); }
};

void what_is_sealed_is_shown() {
    Fixture f;
    test::equal(test::ok(f.source->regions()).at(0).newest, 3U);
    const auto all = test::ok(f.source->generations("team/app"));
    test::equal(all.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto content = test::ok(f.source->open("team/app", i + 1));
        CHECK(read_all(*content) == f.sealed[i]);
        test::equal(content->generation().number, all[i].number);
    }
    std::vector<std::byte> tail(100);
    const auto newest = test::ok(f.source->open("team/app", 0));
    test::equal(test::ok(newest->read(3 * kMiB, tail)), 5U);
    CHECK(std::equal(tail.begin(), tail.begin() + 5, f.sealed[2].begin() + 3 * kMiB));
    test::error(f.source->open("team/app", 4), ENOENT);
    test::error(f.source->find_generation("team/none", 0), ENOENT);
    const auto status = f.source->status();
    CHECK(status.connected && status.engine == test::transport() && status.pool.name == "first");
}

void the_first_errors_are_what_they_are() {
    ManagerHere here;
    auto options = here.options();
    options.pool = "none";
    test::error(view::open_remote_source(options), ENOENT);
    options = here.options("nobody");
    test::error(view::open_remote_source(options), ENOENT);
    test::ok(store_key(here.key_dir() + "-wrong", "alice", Key::random()));
    options = here.options();
    options.key_dir += "-wrong";
    test::error(view::open_remote_source(options), EKEYREJECTED);
    options = here.options();
    here.end();
    CHECK(view::is_connection_error(test::ok([&]() -> Result<int> {
        auto source = view::open_remote_source(options);
        return source ? 0 : source.error().code;
    }())));
}

void what_is_open_survives_a_restart_of_the_manager() {
    Fixture f;
    const auto content = test::ok(f.source->open("team/app", 3));
    f.here.end();
    f.here.start();
    CHECK(read_all(*content) == f.sealed[2]);
    test::equal(test::ok(f.source->generations("team/app")).size(), 3U);
    test::equal(f.source->status().reconnects, 1U);
    test::equal(f.here.manager().session_count(), 1U);
}

void what_is_gone_after_a_restart_is_stale() {
    Fixture f(3);
    const auto content = test::ok(f.source->open("team/app", 1));
    f.here.end();
    f.here.start();
    f.seal();  // drops the first: nobody held it then
    std::vector<std::byte> bytes(100);
    test::error(content->read(0, bytes), ESTALE);
    test::error(content->read(0, bytes), ESTALE);
}

void another_region_of_the_same_name_is_stale() {
    Fixture f;
    const auto content = test::ok(f.source->open("team/app", 1));
    f.here.end();
    f.here.start();
    const auto client = f.here.connect();
    test::ok(client->destroy_region("team/app"));
    test::ok(client->create_region("team/app", {}, true));
    save(*client, "team/app", f.sealed[0]);  // even with the same bytes
    std::vector<std::byte> bytes(100);
    test::error(content->read(0, bytes), ESTALE);
}

void what_is_held_is_kept_from_retention() {
    Fixture f(1);
    const auto content = test::ok(f.source->open("team/app", 3));
    f.seal();
    f.seal();
    test::error(f.source->open("team/app", 3), ENOENT);
    CHECK(read_all(*content) == f.sealed[2]);
}

void too_many_open_is_an_error() {
    driver::Limits limits;
    limits.generations_per_session = 2;
    Fixture f(0, limits);
    auto first = test::ok(f.source->open("team/app", 1));
    const auto second = test::ok(f.source->open("team/app", 2));
    test::error(f.source->open("team/app", 3), EMFILE);
    first.reset();
    test::ok(f.source->open("team/app", 3));
}

void while_the_manager_is_away_everything_fails_soon() {
    Fixture f;
    const auto content = test::ok(f.source->open("team/app", 1));
    f.here.end();
    std::vector<std::byte> bytes(100);
    test::error(f.source->regions(), ENOTCONN);
    test::error(f.source->find_generation("team/app", 0), ENOTCONN);
    test::error(f.source->open("team/app", 0), ENOTCONN);
    test::error(content->read(0, bytes), ENOTCONN);
    test::error(f.source->pool(), ENOTCONN);
    const auto status = f.source->status();
    CHECK(!status.connected && !status.trouble.empty());
    f.here.start();
    // Within the pause nothing is tried; then it is.
    test::eventually([&] { return f.source->regions().has_value(); });
    CHECK(read_all(*content) == f.sealed[0]);
}

// The manager has another pool at the same address: nothing of it is shown.
void another_pool_is_not_taken() {
    std::filesystem::path aside;
    Fixture f;
    f.here.end();
    aside = test::directory() / "aside";
    std::filesystem::rename(test::directory() / "pool", aside);
    const auto key = Key::random();
    pool::CreateOptions options;
    options.path = (test::directory() / "pool").string();
    options.size = test::kPoolBytes;
    options.page_size = test::kPageBytes;
    const auto uuid = pool::to_string(test::ok(pool::Pool::create(options, key)));
    test::ok(store_key(f.here.key_dir(), pool_key_name(uuid), key));
    f.here.start();
    test::error(f.source->regions(), ENOTCONN);
    f.here.end();
    std::filesystem::rename(aside, test::directory() / "pool");
    f.here.start();
    test::eventually([&] { return f.source->regions().has_value(); });
}

void many_threads_reconnect_once() {
    Fixture f;
    const auto content = test::ok(f.source->open("team/app", 3));
    f.here.end();
    f.here.start();
    std::vector<std::jthread> threads;
    std::atomic<int> good{0};
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            std::vector<std::byte> bytes(kMiB);
            const auto got = content->read(kMiB, bytes);
            good += got && *got == kMiB && std::equal(bytes.begin(), bytes.end(), f.sealed[2].begin() + kMiB);
        });
    threads.clear();
    test::equal(good.load(), 8);
    test::equal(f.source->status().reconnects, 1U);
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run(
        "source", {
                      {"what is sealed is shown", what_is_sealed_is_shown},
                      {"the first errors are what they are", the_first_errors_are_what_they_are},
                      {"what is open survives a restart of the manager",
                       what_is_open_survives_a_restart_of_the_manager},
                      {"what is gone after a restart is stale", what_is_gone_after_a_restart_is_stale},
                      {"another region of the same name is stale", another_region_of_the_same_name_is_stale},
                      {"what is held is kept from retention", what_is_held_is_kept_from_retention},
                      {"too many open is an error", too_many_open_is_an_error},
                      {"while the manager is away everything fails soon",
                       while_the_manager_is_away_everything_fails_soon},
                      {"another pool is not taken", another_pool_is_not_taken},
                      {"many threads reconnect once", many_threads_reconnect_once},
                  });
}
