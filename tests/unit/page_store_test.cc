#include "lib/pool/page_store.hh"

#include <algorithm>
#include <cerrno>
#include <set>
#include <thread>

#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

std::shared_ptr<PageStore> make_store(std::uint64_t count) {
    return PageStore::make({1 * kMiB, 4 * kKiB, count});
}

void takes_the_run_that_fits_best() {
    const auto store = make_store(100);
    auto a = test::ok(store->allocate(10));
    auto b = test::ok(store->allocate(3));
    auto c = test::ok(store->allocate(10));
    a = {};  // free: 0..9 and 23..99
    test::equal(store->free_pages(), std::uint64_t{87});
    const auto d = test::ok(store->allocate(4));
    CHECK(d.list() == std::vector<PageExtent>{{0, 4}});
    const auto e = test::ok(store->allocate(70));
    CHECK(e.list() == std::vector<PageExtent>{{23, 70}});
    // No run is long enough: the longest first.
    const auto f = test::ok(store->allocate(8));
    CHECK(f.list() == (std::vector<PageExtent>{{93, 7}, {4, 1}}));
}

void gives_back_and_merges() {
    const auto store = make_store(64);
    std::vector<Pages> pieces;
    for (int piece = 0; piece < 64; ++piece)
        pieces.push_back(test::ok(store->allocate(1)));
    test::contains(test::error(store->allocate(1), ENOSPC), "0 of the pool's 64");
    std::shuffle(pieces.begin(), pieces.end(), test::generator());
    pieces.clear();
    CHECK(test::ok(store->allocate(64)).list() == std::vector<PageExtent>{{0, 64}});
}

void offsets_follow_the_extents() {
    const auto store = make_store(10);
    auto pages = test::ok(store->claim({{7, 2}, {1, 1}}));
    const auto offset = [](std::uint64_t page) { return kMiB + page * 4 * kKiB; };
    CHECK(pages.offsets() == std::vector<std::uint64_t>({offset(7), offset(8), offset(1)}));
    pages.truncate(1);
    CHECK(pages.offsets() == std::vector<std::uint64_t>({offset(7)}));
    test::equal(store->free_pages(), std::uint64_t{9});
    pages.truncate(0);
    CHECK(pages.offsets().empty());
    test::equal(store->free_pages(), std::uint64_t{10});
}

void claims_only_what_is_free() {
    const auto store = make_store(10);
    const auto pages = test::ok(store->claim({{2, 3}}));
    for (const auto& bad : std::vector<std::vector<PageExtent>>{{{4, 1}},
                                                                {{0, 3}},
                                                                {{0, 1}, {0, 1}},
                                                                {{9, 2}},
                                                                {{10, 1}},
                                                                {{0, 0}},
                                                                {{UINT32_MAX, UINT32_MAX}}}) {
        test::error(store->claim(bad), EUCLEAN);
        test::equal(store->free_pages(), std::uint64_t{7});
    }
    test::ok(store->claim({{0, 2}, {5, 5}}));
}

void shared_pages_wait_for_the_last_owner() {
    const auto store = make_store(10);
    auto first = test::ok(store->allocate(4));
    auto second = store->share(first);
    auto third = store->share(second);
    third.truncate(2);
    test::equal(store->owners(1), std::uint64_t{3});
    test::equal(store->owners(3), std::uint64_t{2});
    first = {};
    second.truncate(3);
    test::equal(store->owners(3), std::uint64_t{0});
    test::equal(store->owners(2), std::uint64_t{1});
    test::equal(store->free_pages(), std::uint64_t{7});
    second = {};
    test::equal(store->free_pages(), std::uint64_t{8});
    third = {};
    test::equal(store->free_pages(), std::uint64_t{10});
}

void pages_keep_their_store() {
    auto store = make_store(10);
    auto pages = test::ok(store->allocate(3));
    const std::weak_ptr<PageStore> watched = store;
    store.reset();
    CHECK(!watched.expired());
    test::equal(pages.offsets().size(), std::size_t{3});
    pages = {};
    CHECK(watched.expired());
}

void eight_million_pages_fragmented() {
    constexpr std::uint64_t kPages = 8'388'000;
    const auto store = make_store(kPages);
    std::vector<Pages> odd, even;
    for (int piece = 0; piece < 50'000; ++piece) {
        odd.push_back(test::ok(store->allocate(1)));
        even.push_back(test::ok(store->allocate(1)));
    }
    even.clear();
    // All at once: as many extents as there are runs, and it all comes back.
    auto rest = test::ok(store->allocate(store->free_pages()));
    CHECK(rest.extents().size() <= 50'001);
    test::equal(store->free_pages(), std::uint64_t{0});
    odd.clear();
    rest = {};
    test::equal(test::ok(store->allocate(kPages)).extents().size(), std::size_t{1});
}

/// Against a plain array of owners.
void agrees_with_a_model() {
    constexpr std::uint32_t kPages = 200;
    const auto store = make_store(kPages);
    std::vector<unsigned> owners(kPages, 0);
    std::vector<Pages> held;
    const auto count = [&](const Pages& pages, int by) {
        for (const auto extent : pages.extents())
            for (std::uint32_t page = 0; page < extent.count; ++page)
                owners[extent.start + page] += static_cast<unsigned>(by);
    };
    auto& random = test::generator();
    for (int step = 0; step < 3000; ++step) {
        const auto choice = random() % 5;
        if (choice < 2) {
            auto pages = store->allocate(random() % 20);
            if (!pages)
                continue;
            count(*pages, 1);
            held.push_back(std::move(*pages));
        } else if (!held.empty()) {
            const auto at = random() % held.size();
            if (choice == 2) {
                auto shared = store->share(held[at]);
                count(shared, 1);
                held.push_back(std::move(shared));
            } else if (choice == 3) {
                count(held[at], -1);
                held[at].truncate(random() % 10);
                count(held[at], 1);
            } else {
                count(held[at], -1);
                held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
            }
        }
        std::uint64_t free = 0;
        for (std::uint32_t page = 0; page < kPages; ++page) {
            test::equal(store->owners(page), std::uint64_t{owners[page]});
            free += owners[page] == 0;
        }
        test::equal(store->free_pages(), free);
    }
}

void many_threads() {
    const auto store = make_store(10'000);
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&store, thread] {
                std::mt19937_64 random(test::seed() + static_cast<unsigned>(thread));
                std::vector<Pages> held;
                for (int step = 0; step < 2000; ++step) {
                    if (auto pages = store->allocate(random() % 50))
                        held.push_back(std::move(*pages));
                    if (held.size() > 30)
                        held.erase(held.begin() + static_cast<std::ptrdiff_t>(random() % held.size()));
                }
            });
    }
    test::equal(store->free_pages(), std::uint64_t{10'000});
}

}  // namespace

int main() {
    return test::run("page_store",
                     {{"takes_the_run_that_fits_best", takes_the_run_that_fits_best},
                      {"gives_back_and_merges", gives_back_and_merges},
                      {"offsets_follow_the_extents", offsets_follow_the_extents},
                      {"claims_only_what_is_free", claims_only_what_is_free},
                      {"shared_pages_wait_for_the_last_owner", shared_pages_wait_for_the_last_owner},
                      {"pages_keep_their_store", pages_keep_their_store},
                      {"eight_million_pages_fragmented", eight_million_pages_fragmented},
                      {"agrees_with_a_model", agrees_with_a_model},
                      {"many_threads", many_threads}});
}
