// time-limit: 300
// Many regions, many generations. What is counted is work, not time, but for the opening, which has a
// promise.
#include <cerrno>
#include <ctime>

#include "lib/base/crc32c.hh"
#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

constexpr std::uint64_t kPage = 4 * kKiB;

std::unique_ptr<Pool> quick_pool(std::uint64_t size, std::shared_ptr<test::Tape>& tape) {
    tape = std::make_shared<test::Tape>(test::fresh_image(size), false);
    return test::ok(test::open_tape(tape));
}

double cpu_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void no_generation_leaks_a_page() {
    std::shared_ptr<test::Tape> tape;
    auto pool = quick_pool(kMinimumPoolSize, tape);
    test::ok(pool->create_region("a", "alice", {.keep = 3}));
    test::ok(pool->create_region("b", "alice", {.keep = 1}));
    std::vector<std::byte> bytes(5 * kPage);
    const std::uint64_t count = test::under_valgrind() ? 300 : 1'000'000;
    test::ok(test::save(*pool, "b", bytes));
    for (std::uint64_t round = 0; round < count; ++round) {
        bytes[round % bytes.size()] ^= std::byte{1};
        if (round % 4 == 0)
            test::ok(test::save(*pool, "a", std::span(bytes).first(round % bytes.size())));
        else
            test::ok(test::save_clone(*pool, "b", bytes, {{{round % bytes.size()}, {1}}}));
        if (round % 1000 == 0)
            test::ok(pool->open_log("a", 1 + round % 20'000));
        bytes = test::content(*pool, *test::ok(pool->open_generation("b", 0)));
    }
    test::ok(pool->clear("b"));
    test::ok(test::save(*pool, "a", {}));
    test::ok(test::save(*pool, "a", {}));
    test::ok(test::save(*pool, "a", {}));
    test::equal(pool->info().free_pages, pool->info().pages);
    CHECK(test::under_valgrind() || pool->info().journal_switches > 50);
    pool = nullptr;
    pool = test::ok(test::open_tape(tape));
    test::equal(pool->info().free_pages, pool->info().pages);
}

void a_hundred_thousand_generations_open_quickly() {
    constexpr int kRegions = 1000;
    const int each = test::under_valgrind() ? 2 : 100;
    std::shared_ptr<test::Tape> tape;
    auto pool = quick_pool(std::uint64_t{512} * kMiB, tape);
    const auto name = [](int region) { return fmt::format("team{}/app{:03}", region % 7, region); };
    for (int region = 0; region < kRegions; ++region)
        test::ok(pool->create_region(name(region), "alice", {.keep = 1000}));
    const auto bytes = test::random_bytes(100);
    for (int generation = 0; generation < each; ++generation)
        for (int region = 0; region < kRegions; ++region)
            test::ok(test::save(*pool, name(region), bytes));
    const auto info = pool->info();
    pool.reset();
    const auto start = cpu_seconds();
    pool = test::ok(test::open_tape(tape));
    const auto spent = cpu_seconds() - start;
    test::equal(pool->info().generations, info.generations);
    test::equal(pool->info().free_pages, info.free_pages);
    test::equal(info.generations, static_cast<std::uint64_t>(kRegions * each));
    if (!test::under_valgrind())
        CHECK(spent < 2.0);
    // One region's list is its own, and a part of it is that part alone.
    const auto part = test::ok(pool->generations(name(5), static_cast<std::uint64_t>(each) / 2, 10));
    CHECK(!part.empty() && part.size() <= 10 && part[0].number == static_cast<std::uint64_t>(each) / 2 + 1);
    test::equal(pool->regions(name(5), 3).size(), std::size_t{3});
}

}  // namespace

int main() {
    return test::run("pool_scale", {{"no_generation_leaks_a_page", no_generation_leaks_a_page},
                                    {"a_hundred_thousand_generations_open_quickly",
                                     a_hundred_thousand_generations_open_quickly}});
}
