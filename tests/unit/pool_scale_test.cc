// time-limit: 300
// Many regions, many generations. What is counted is work, not time, but for the opening, which has a
// promise.
#include <algorithm>
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
    const auto of_a = test::ok(pool->find_region("a")), of_b = test::ok(pool->find_region("b"));
    test::equal(of_a.newest + of_b.newest, count + 1);
    test::equal(pool->info().generations, std::uint64_t{3 + 1});
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

std::string region_name(int region) {
    return fmt::format("team{}/app{:03}", region % 7, region);
}

std::unique_ptr<Pool> filled_pool(int regions, int each, std::shared_ptr<test::Tape>& tape) {
    auto pool = quick_pool(round_up(kMinimumPoolSize + regions * each * 2 * kPage, kMiB), tape);
    for (int region = 0; region < regions; ++region)
        test::ok(pool->create_region(region_name(region), "alice", {.keep = 1000}));
    const auto bytes = test::random_bytes(100);
    for (int generation = 0; generation < each; ++generation)
        for (int region = 0; region < regions; ++region)
            test::ok(test::save(*pool, region_name(region), bytes));
    return pool;
}

void a_hundred_thousand_generations_open_quickly() {
    constexpr int kRegions = 1000;
    const int each = test::under_valgrind() ? 2 : 100;
    std::shared_ptr<test::Tape> tape;
    auto pool = filled_pool(kRegions, each, tape);
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
    const auto half = static_cast<std::uint64_t>(each) / 2;
    const auto part = test::ok(pool->generations(region_name(5), half, 10));
    CHECK(!part.empty() && part.size() <= 10 && part[0].number == half + 1);
    test::equal(pool->regions(region_name(5), 3).size(), std::size_t{3});
}

/// The least time of several stretches in which a region is looked at and listed again and again. One look is
/// too short for the clock.
double listing_seconds(const Pool& pool, const std::string& region, std::size_t generations) {
    constexpr int kStretches = 10, kListings = 2000;
    double least = 1e9;
    for (int stretch = 0; stretch < kStretches; ++stretch) {
        const auto start = cpu_seconds();
        for (int listing = 0; listing < kListings; ++listing) {
            test::equal(test::ok(pool.find_region(region)).name, region);
            test::equal(test::ok(pool.generations(region, 0, SIZE_MAX)).size(), generations);
        }
        least = std::min(least, cpu_seconds() - start);
    }
    return least / kListings;
}

/// Few generations: their own time must not hide what the other regions cost.
void other_regions_do_not_slow_a_listing() {
    if (test::under_valgrind() || test::sanitized())
        test::skip("the time is not the pool's own");
    constexpr int kEach = 10;
    std::shared_ptr<test::Tape> large_tape, small_tape;
    const auto large = filled_pool(1000, kEach, large_tape);
    const auto small = filled_pool(1, kEach, small_tape);
    const auto alone = listing_seconds(*small, region_name(0), kEach);
    for (const int region : {0, 500, 999}) {
        const auto among_others = listing_seconds(*large, region_name(region), kEach);
        if (among_others >= 3 * alone)  // by a search through all of them: tens of times
            throw test::Failure(fmt::format("{:.2f} us among 1000 regions, {:.2f} us alone",
                                            among_others * 1e6, alone * 1e6));
    }
}

}  // namespace

int main() {
    return test::run(
        "pool_scale",
        {{"no_generation_leaks_a_page", no_generation_leaks_a_page},
         {"a_hundred_thousand_generations_open_quickly", a_hundred_thousand_generations_open_quickly},
         {"other_regions_do_not_slow_a_listing", other_regions_do_not_slow_a_listing}});
}
