#include "lib/pool/pool.hh"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <thread>

#include "lib/base/crc32c.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

std::string file(const char* name) {
    return (test::directory() / name).string();
}

CreateOptions options(std::uint64_t size = 64 * kMiB) {
    CreateOptions made;
    made.path = file("pool");
    made.size = size;
    return made;
}

std::unique_ptr<Pool> new_pool(std::uint64_t size = 64 * kMiB) {
    test::ok(Pool::create(options(size), test::pool_key()));
    return test::ok(Pool::open(file("pool"), test::pool_key()));
}

void makes_and_opens() {
    const auto uuid = test::ok(Pool::create(options(), test::pool_key()));
    test::error(Pool::create(options(), test::pool_key()), EEXIST);
    const auto pool = test::ok(Pool::open(file("pool"), test::pool_key()));
    CHECK(pool->uuid() == uuid);
    const auto info = pool->info();
    test::equal(info.page_size, 2 * kMiB);
    test::equal(info.size, 64 * kMiB);
    test::equal(info.free_pages, std::uint64_t{31});
    test::equal(info.path, file("pool"));
    test::error(Pool::open(file("pool"), test::pool_key()), EBUSY);
    auto again = options();
    again.replace = true;
    test::error(Pool::create(again, test::pool_key()), EBUSY);
}

void sizes_have_limits() {
    const auto refused = [](std::uint64_t size, std::uint64_t page_size, int code) {
        auto bad = options(size);
        bad.page_size = page_size;
        const auto message = test::error(Pool::create(bad, test::pool_key()), code);
        CHECK(!std::filesystem::exists(bad.path));
        return message;
    };
    test::contains(refused(16 * kMiB - 1, 2 * kMiB, ERANGE), "16.0 MiB");
    test::contains(refused(16 * kTiB + 1, 2 * kMiB, ERANGE), "16.0 TiB");
    for (const std::uint64_t page_size : {std::uint64_t{0}, std::uint64_t{2048}, 3 * kMiB, 2 * kGiB})
        test::contains(refused(64 * kMiB, page_size, EINVAL), "power of two");
    test::contains(refused(16 * kMiB, 16 * kMiB, ERANGE), "no room for a page");
    auto smallest = options(16 * kMiB);
    test::ok(Pool::create(smallest, test::pool_key()));
    test::equal(test::ok(Pool::open(smallest.path, test::pool_key()))->info().pages, std::uint64_t{7});
}

void what_is_no_pool() {
    test::error(Pool::open(file("missing"), test::pool_key()), ENOENT);
    std::ofstream(file("empty")).close();
    test::error(Pool::open(file("empty"), test::pool_key()), ENODATA);
    std::ofstream(file("text")) << std::string(100'000, 'x');
    test::contains(test::error(Pool::open(file("text"), test::pool_key()), EUCLEAN),
                   "is not a pmemckpt pool");
    std::ofstream(file("short")) << "hello";
    test::contains(test::error(Pool::open(file("short"), test::pool_key()), EUCLEAN),
                   "is not a pmemckpt pool");
}

void a_generation_comes_back() {
    auto pool = new_pool();
    const auto made = test::ok(pool->create_region("team/app", "alice", {}));
    test::equal(made.newest, std::uint64_t{0});
    test::error(pool->open_generation("team/app", 0), ENODATA);
    const auto bytes = test::random_bytes(5 * kMiB + 17);
    const auto info = test::ok(test::save(*pool, "team/app", bytes, "bob"));
    test::equal(info.number, std::uint64_t{1});
    test::equal(info.crc32c, crc32c(bytes));
    test::equal(info.writer, std::string("bob"));
    CHECK(info.sealed_ns > 0 && info.durability == media::Durability::page);
    pool.reset();
    pool = test::ok(Pool::open(file("pool"), test::pool_key()));
    const auto generation = test::ok(pool->open_generation("team/app", 0));
    CHECK(test::content(*pool, *generation) == bytes);
    test::equal(generation->page_offsets().size(), std::size_t{3});
    CHECK(generation->info().sealed_ns == info.sealed_ns);
    test::error(pool->open_generation("team/app", 2), ENOENT);
    test::error(pool->open_generation("team/other", 0), ENOENT);
}

void a_draft_is_blank_and_private() {
    auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {.keep = 1}));
    for (int round = 0; round < 3; ++round) {
        test::ok(test::save(*pool, "a", test::random_bytes(20 * kMiB)));
        const auto draft = test::ok(pool->begin("a", 8 * kMiB));
        const auto bytes = test::content(*pool, draft->page_offsets(), 8 * kMiB);
        CHECK(std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; }));
        test::equal(pool->info().drafts, std::uint64_t{1});
    }
    test::equal(pool->info().drafts, std::uint64_t{0});
    test::equal(pool->info().free_pages, std::uint64_t{21});
}

void seals_less_than_was_asked_for() {
    const auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {}));
    const auto bytes = test::random_bytes(9 * kMiB);
    auto draft = test::ok(pool->begin("a", bytes.size()));
    test::fill(*pool, *draft, bytes);
    const auto info = test::ok(pool->seal(std::move(draft), 3 * kMiB, std::nullopt, "alice"));
    test::equal(info.crc32c, crc32c(std::span(bytes).first(3 * kMiB)));
    test::equal(pool->info().free_pages, std::uint64_t{29});
    draft = test::ok(pool->begin("a", 10));
    test::error(pool->seal(std::move(draft), 11, std::nullopt, "alice"), EINVAL);
    test::equal(pool->info().free_pages, std::uint64_t{29});
}

void an_empty_generation() {
    auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {}));
    auto draft = test::ok(pool->begin("a", 0));
    CHECK(draft->page_offsets().empty());
    test::equal(test::ok(pool->seal(std::move(draft), 0, 0, "alice")).number, std::uint64_t{1});
    pool.reset();
    pool = test::ok(Pool::open(file("pool"), test::pool_key()));
    test::equal(test::ok(pool->open_generation("a", 1))->info().length, std::uint64_t{0});
}

void a_wrong_crc_seals_nothing() {
    const auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {}));
    const auto bytes = test::random_bytes(1000);
    auto draft = test::ok(pool->begin("a", bytes.size()));
    test::fill(*pool, *draft, bytes);
    const auto message = test::error(pool->seal(std::move(draft), 1000, ~crc32c(bytes), "alice"), EBADMSG);
    test::contains(message, fmt::format("{:08x}", crc32c(bytes)));
    test::error(pool->open_generation("a", 0), ENODATA);
    test::equal(pool->info().free_pages, pool->info().pages);
}

void retention_and_held_generations() {
    auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {.keep = 2}));
    const auto first = test::random_bytes(2 * kMiB);
    test::ok(test::save(*pool, "a", first));
    auto held = test::ok(pool->open_generation("a", 1));
    for (int round = 0; round < 4; ++round)
        test::ok(test::save(*pool, "a", test::random_bytes(4 * kMiB)));
    const auto kept = test::ok(pool->generations("a", 0, 10));
    CHECK(kept.size() == 2 && kept[0].number == 4 && kept[1].number == 5);
    test::error(pool->open_generation("a", 1), ENOENT);
    // 1 page held, 4 kept. Everything else is taken and written over; the held one stays.
    auto draft = test::ok(pool->begin("a", 26 * 2 * kMiB));
    test::error(pool->begin("a", 1), ENOSPC);
    test::fill(*pool, *draft, test::random_bytes(52 * kMiB));
    CHECK(test::content(*pool, *held) == first);
    held.reset();
    test::ok(pool->begin("a", 2 * kMiB));
    draft.reset();
    test::equal(pool->info().free_pages, std::uint64_t{27});
}

void a_held_generation_outlives_region_and_pool() {
    auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {}));
    const auto bytes = test::random_bytes(2 * kMiB);
    test::ok(test::save(*pool, "a", bytes));
    auto held = test::ok(pool->open_generation("a", 0));
    auto draft = test::ok(pool->begin("a", 2 * kMiB));
    test::ok(pool->destroy_region("a"));
    CHECK(test::content(*pool, *held) == bytes);
    test::equal(pool->info().free_pages, std::uint64_t{29});
    pool.reset();
    test::equal(held->page_offsets().size(), std::size_t{1});
    held.reset();
    draft.reset();
}

void a_range_is_located_wherever_its_pages_lie() {
    const auto pool = test::ok(test::open_image(test::fresh_image()));
    for (const char* region : {"hole", "r"})
        test::ok(pool->create_region(region, "tester", {.keep = 2}));
    for (int pages : {1, 2, 1, 3})  // what is dropped again leaves holes
        test::ok(test::save(*pool, pages % 2 == 1 ? "hole" : "r", test::random_bytes(pages * 4096)));
    test::ok(pool->clear("hole"));
    const auto bytes = test::random_bytes(7 * 4096 + 10);
    test::ok(test::save(*pool, "r", bytes));
    test::ok(pool->clear("hole"));
    const auto base = test::ok(pool->open_generation("r", 2));
    CHECK(test::content(*pool, *base) == bytes);
    auto changed = bytes;
    changed[5 * 4096] = ~changed[5 * 4096];
    test::ok(test::save_clone(*pool, "r", changed, {{{5 * 4096}, {1}}}));
    CHECK(test::ok(pool->locate("r", 3, {{0}, {changed.size()}})).size() > 1);
    for (std::uint64_t at = 0; at <= changed.size(); at += 1111)
        for (std::uint64_t size :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4096}, changed.size() - at}) {
            size = std::min(size, changed.size() - at);
            std::vector<std::byte> got;
            for (const auto& [place, length] : test::ok(pool->locate("r", 3, {{at}, {size}}))) {
                const auto run = pool->medium().bytes().subspan(place.bytes, length.bytes);
                got.insert(got.end(), run.begin(), run.end());
            }
            CHECK(std::ranges::equal(got, std::span(changed).subspan(at, size)));
        }
    test::error(pool->locate("r", 3, {{changed.size()}, {1}}), ERANGE);
    test::error(pool->locate("r", 3, {{UINT64_MAX}, {1}}), ERANGE);
    test::error(pool->locate("r", 9, {{0}, {1}}), ENOENT);
    test::error(pool->locate("none", 1, {{0}, {1}}), ENOENT);
}

void destroyed_while_a_draft_was_written() {
    const auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {}));
    auto draft = test::ok(pool->begin("a", 10));
    auto second = test::ok(pool->begin("a", 10));
    test::ok(pool->destroy_region("a"));
    test::error(pool->seal(std::move(draft), 10, std::nullopt, "alice"), ENOENT);
    // A region of the same name is another region.
    test::ok(pool->create_region("a", "alice", {}));
    test::error(pool->seal(std::move(second), 10, std::nullopt, "alice"), ENOENT);
    test::equal(pool->info().free_pages, pool->info().pages);
    test::error(pool->destroy_region("b"), ENOENT);
    test::error(pool->begin("b", 1), ENOENT);
}

void numbers_and_ids_are_never_reused() {
    auto pool = new_pool();
    const auto first = test::ok(pool->create_region("a", "alice", {.keep = 1}));
    for (std::uint64_t number = 1; number <= 3; ++number)
        test::equal(test::ok(test::save(*pool, "a", test::random_bytes(10))).number, number);
    auto one = test::ok(pool->begin("a", 10));
    auto two = test::ok(pool->begin("a", 10));
    test::equal(test::ok(pool->seal(std::move(two), 10, std::nullopt, "x")).number, std::uint64_t{4});
    test::equal(test::ok(pool->seal(std::move(one), 10, std::nullopt, "x")).number, std::uint64_t{5});
    test::ok(pool->create_region("b", "alice", {}));
    test::ok(pool->destroy_region("b"));
    pool.reset();
    pool = test::ok(Pool::open(file("pool"), test::pool_key()));
    test::equal(test::ok(test::save(*pool, "a", {})).number, std::uint64_t{6});
    test::equal(test::ok(pool->create_region("c", "alice", {})).id, first.id + 2);
}

void names_may_not_be_folders_of_names() {
    const auto pool = new_pool();
    test::ok(pool->create_region("team/app", "alice", {}));
    test::ok(pool->create_region("team/app-2", "alice", {}));
    test::ok(pool->create_region("team/ap", "alice", {}));
    for (const auto* name : {"team/app", "team", "team/app/x", "team/app/x/y"})
        test::error(pool->create_region(name, "alice", {}), EEXIST);
    test::error(pool->create_region(".hidden", "alice", {}), EINVAL);
    test::error(pool->create_region("b", "not a principal", {}), EINVAL);
    test::error(pool->create_region("b", "alice", {.keep = 0}), EINVAL);
    test::error(pool->create_region("b", "alice", {.keep = kMaximumKeep + 1}), EINVAL);
    const auto infos = pool->regions("team/ap", 1);
    CHECK(infos.size() == 1 && infos[0].name == "team/app");
    test::equal(pool->regions("", 100).size(), std::size_t{3});
}

void a_region_has_a_largest_size() {
    const auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {.max_size = 1000}));
    test::contains(test::error(pool->begin("a", 1001), EFBIG), "1001");
    test::ok(pool->begin("a", 1000));
    test::ok(pool->create_region("b", "alice", {}));
    for (const auto size : {63 * kMiB, kTiB, UINT64_MAX})
        test::contains(test::error(pool->begin("b", size), ENOSPC), "31 are free");
}

void listeners_hear_of_what_is_durable() {
    const auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {}));
    std::vector<std::string> heard;
    pool->set_seal_listener([&](const RegionInfo& region, const GenerationInfo& generation) {
        test::ok(pool->open_generation(region.name, generation.number));  // no lock is held
        heard.push_back(fmt::format("{} {} of {}", region.name, generation.number, region.newest));
    });
    test::ok(test::save(*pool, "a", test::random_bytes(10)));
    test::error(pool->seal(test::ok(pool->begin("a", 1)), 1, 77, "alice"), EBADMSG);
    test::ok(test::save(*pool, "a", test::random_bytes(10)));
    pool->set_seal_listener({});
    test::ok(test::save(*pool, "a", {}));
    CHECK(heard == std::vector<std::string>({"a 1 of 1", "a 2 of 2"}));
}

void many_threads_at_once() {
    auto pool = new_pool();
    constexpr int kThreads = 4, kRounds = 30;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread)
            threads.emplace_back([&pool, thread] {
                const auto name = fmt::format("t{}", thread % 2);
                static_cast<void>(pool->create_region(name, "alice", {.keep = 2}));
                for (int round = 0; round < kRounds; ++round) {
                    const std::vector bytes(3000, static_cast<std::byte>(thread * kRounds + round));
                    const auto saved = test::save(*pool, name, bytes);
                    require(saved.has_value() || saved.error().code == ENOENT, "a save goes well");
                    const auto generation = pool->open_generation(name, 0);
                    require(!generation ||
                                crc32c(test::content(*pool, **generation)) == (*generation)->info().crc32c,
                            "what is open is whole");
                    static_cast<void>(pool->info());
                    if (thread == 3 && round % 10 == 9) {
                        static_cast<void>(pool->destroy_region("t1"));
                        static_cast<void>(pool->create_region("t1", "alice", {.keep = 2}));
                    }
                }
            });
    }
    const auto before = test::digest(*pool);
    CHECK(before.find("TORN") == std::string::npos);
    test::equal(test::pages_owned_twice(*pool), std::string());
    pool.reset();
    pool = test::ok(Pool::open(file("pool"), test::pool_key()));
    test::equal(test::digest(*pool), before);
}

void rescue_reads_a_pool_that_nobody_serves() {
    auto pool = new_pool();
    test::ok(pool->create_region("a", "alice", {}));
    const auto bytes = test::random_bytes(100);
    test::ok(test::save(*pool, "a", bytes));
    const auto reader = test::ok(
        Pool::open(test::ok(media::open_medium(file("pool"), media::Use::read_only)), test::pool_key()));
    CHECK(test::content(*reader, *test::ok(reader->open_generation("a", 0))) == bytes);
    test::error(reader->create_region("b", "alice", {}), EROFS);
    test::error(reader->destroy_region("a"), EROFS);
    test::error(reader->begin("a", 10), EROFS);
    test::error(reader->seal(test::ok(reader->begin("a", 0)), 0, std::nullopt, "alice"), EROFS);
    test::ok(test::save(*pool, "a", bytes));
}

}  // namespace

int main() {
    return test::run(
        "pool", {{"makes_and_opens", makes_and_opens},
                 {"sizes_have_limits", sizes_have_limits},
                 {"what_is_no_pool", what_is_no_pool},
                 {"a_generation_comes_back", a_generation_comes_back},
                 {"a_draft_is_blank_and_private", a_draft_is_blank_and_private},
                 {"seals_less_than_was_asked_for", seals_less_than_was_asked_for},
                 {"an_empty_generation", an_empty_generation},
                 {"a_wrong_crc_seals_nothing", a_wrong_crc_seals_nothing},
                 {"retention_and_held_generations", retention_and_held_generations},
                 {"a_held_generation_outlives_region_and_pool", a_held_generation_outlives_region_and_pool},
                 {"a_range_is_located_wherever_its_pages_lie", a_range_is_located_wherever_its_pages_lie},
                 {"destroyed_while_a_draft_was_written", destroyed_while_a_draft_was_written},
                 {"numbers_and_ids_are_never_reused", numbers_and_ids_are_never_reused},
                 {"names_may_not_be_folders_of_names", names_may_not_be_folders_of_names},
                 {"a_region_has_a_largest_size", a_region_has_a_largest_size},
                 {"listeners_hear_of_what_is_durable", listeners_hear_of_what_is_durable},
                 {"many_threads_at_once", many_threads_at_once},
                 {"rescue_reads_a_pool_that_nobody_serves", rescue_reads_a_pool_that_nobody_serves}});
}
