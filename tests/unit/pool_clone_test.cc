// Clones: what is not written is shared, page by page, and nothing of it shows.
#include <algorithm>
#include <cerrno>

#include "lib/base/crc32c.hh"
#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

constexpr std::uint64_t kPage = 4 * kKiB;

std::unique_ptr<Pool> pool_with_region(const std::shared_ptr<test::Tape>& tape,
                                       RegionSettings settings = {}) {
    auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("a", "alice", settings));
    return pool;
}

std::uint64_t used_pages(const Pool& pool) {
    const auto info = pool.info();
    return info.pages - info.free_pages;
}

Extent range(std::uint64_t at, std::uint64_t size) {
    return {{at}, {size}};
}

void shares_what_is_not_written() {
    const auto tape = test::make_tape(test::fresh_image());
    auto pool = pool_with_region(tape);
    auto bytes = test::random_bytes(10 * kPage);
    test::ok(test::save(*pool, "a", bytes));
    const auto base = test::ok(pool->open_generation("a", 0));
    // Page 2 partly, 4 wholly, by two ranges that overlap; the others not.
    const std::vector<Extent> dirty = {range(4 * kPage + 100, kPage - 100), range(2 * kPage + 7, 9),
                                       range(4 * kPage, 200), range(9 * kPage, 0)};
    auto draft = test::ok(pool->begin_clone("a", bytes.size(), {0, dirty}));
    test::equal(draft->writable().size(), std::size_t{10});
    for (std::size_t page = 0; page < 10; ++page) {
        test::equal(bool{draft->writable()[page]}, page == 2 || page == 4);
        test::equal(draft->page_offsets()[page] == base->page_offsets()[page], page != 2 && page != 4);
    }
    test::equal(used_pages(*pool), std::uint64_t{12});
    const auto start = test::content(*pool, draft->page_offsets(), bytes.size());
    CHECK(std::equal(start.begin(), start.begin() + 4 * kPage, bytes.begin()));
    CHECK(std::all_of(start.begin() + 4 * kPage, start.begin() + 5 * kPage,
                      [](std::byte byte) { return byte == std::byte{0}; }));
    draft.reset();
    test::equal(used_pages(*pool), std::uint64_t{10});

    const auto before = bytes;
    for (const auto& [at, size] : dirty)
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at.bytes), size.bytes, std::byte{0x5a});
    const auto info = test::ok(test::save_clone(*pool, "a", bytes, dirty));
    test::equal(info.crc32c, crc32c(bytes));
    for (int round = 0; round < 2; ++round) {
        CHECK(test::content(*pool, *test::ok(pool->open_generation("a", 1))) == before);
        CHECK(test::content(*pool, *test::ok(pool->open_generation("a", 2))) == bytes);
        test::equal(test::pages_owned_twice(*pool), std::string());
        test::equal(used_pages(*pool), std::uint64_t{12});
        pool = test::ok(test::open_image(tape->durable));
    }
}

void longer_and_shorter_than_its_base() {
    const auto tape = test::make_tape(test::fresh_image());
    auto pool = pool_with_region(tape, {.keep = 100});
    // What is sealed ends within a page that has other bytes behind.
    const auto whole = test::random_bytes(3 * kPage);
    auto full = test::ok(pool->begin("a", whole.size()));
    test::fill(*pool, *full, whole);
    const std::uint64_t length = 2 * kPage + 100;
    test::ok(pool->seal(std::move(full), length, std::nullopt, "alice"));
    for (const std::uint64_t size : {length + 1, 3 * kPage, 5 * kPage + 1, length, length - 1, kPage,
                                     kPage + 1, std::uint64_t{1}, std::uint64_t{0}}) {
        auto wanted = whole;
        wanted.resize(std::min(size, length));
        wanted.resize(size, std::byte{0});
        test::ok(test::save_clone(*pool, "a", wanted, {}));
        CHECK(test::content(*pool, *test::ok(pool->open_generation("a", 0))) == wanted);
        // Back to where it was, for the next size.
        auto again = test::ok(pool->begin_clone("a", length, {1, {}}));
        CHECK(std::ranges::none_of(again->writable(), [](bool own) { return own; }));
        test::ok(pool->seal(std::move(again), length, crc32c(std::span(whole).first(length)), "alice"));
    }
    const auto state = test::digest(*pool);
    CHECK(state.find("TORN") == std::string::npos);
    test::equal(test::digest_of(tape->durable), state);
}

void sealed_with_less() {
    const auto tape = test::make_tape(test::fresh_image());
    const auto pool = pool_with_region(tape);
    const auto bytes = test::random_bytes(6 * kPage);
    test::ok(test::save(*pool, "a", bytes));
    auto draft = test::ok(pool->begin_clone("a", bytes.size(), {0, {range(5 * kPage, 10)}}));
    const auto length = 3 * kPage + 5;
    test::equal(test::ok(pool->seal(std::move(draft), length, std::nullopt, "alice")).crc32c,
                crc32c(std::span(bytes).first(length)));
    test::equal(used_pages(*pool), std::uint64_t{6});
}

void a_clone_of_a_clone_outlives_them_all() {
    const auto tape = test::make_tape(test::fresh_image());
    auto pool = pool_with_region(tape, {.keep = 1});
    auto bytes = test::random_bytes(20 * kPage);
    test::ok(test::save(*pool, "a", bytes));
    for (int round = 0; round < 50; ++round) {
        const auto at = test::generator()() % (bytes.size() - 3 * kPage);
        const auto size = 1 + test::generator()() % (2 * kPage);
        for (std::uint64_t byte = at; byte < at + size; ++byte)
            bytes[byte] ^= std::byte{1};
        test::ok(test::save_clone(*pool, "a", bytes, {range(at, size)}));
        test::equal(used_pages(*pool), std::uint64_t{20});
        if (round % 10 == 9)
            pool = test::ok(test::open_tape(tape));
        CHECK(test::content(*pool, *test::ok(pool->open_generation("a", 0))) == bytes);
    }
}

/// The base goes while the clone is written; its pages stay, and are the clone's alone at the next start.
void the_base_may_be_dropped_meanwhile() {
    const auto tape = test::make_tape(test::fresh_image());
    auto pool = pool_with_region(tape, {.keep = 1});
    const auto bytes = test::random_bytes(4 * kPage);
    test::ok(test::save(*pool, "a", bytes));
    auto draft = test::ok(pool->begin_clone("a", bytes.size(), {0, {range(0, 1)}}));
    test::ok(test::save(*pool, "a", test::random_bytes(kPage)));
    test::error(pool->open_generation("a", 1), ENOENT);
    test::equal(used_pages(*pool), std::uint64_t{6});
    test::ok(pool->clear("a"));
    test::ok(pool->seal(std::move(draft), bytes.size(), crc32c(bytes), "alice"));
    test::equal(used_pages(*pool), std::uint64_t{4});
    const auto state = test::digest(*pool);
    test::equal(test::digest_of(tape->durable), state);
    pool = test::ok(test::open_image(tape->durable));
    test::equal(used_pages(*pool), std::uint64_t{4});
    test::ok(pool->destroy_region("a"));
    test::equal(used_pages(*pool), std::uint64_t{0});
}

void only_own_pages_are_persisted() {
    const auto tape = test::make_tape(test::fresh_image());
    const auto pool = pool_with_region(tape);
    auto bytes = test::random_bytes(100 * kPage);
    test::ok(test::save(*pool, "a", bytes));
    bytes[50 * kPage] ^= std::byte{1};
    std::uint64_t persisted = 0;
    const auto pages_from = pool->info().size - pool->info().pages * kPage;
    tape->before_persist = [&](Extent extent) {
        persisted += extent.at.bytes >= pages_from ? extent.size.bytes : 0;
    };
    test::ok(test::save_clone(*pool, "a", bytes, {range(50 * kPage, 1)}));
    tape->before_persist = nullptr;
    test::equal(persisted, kPage);
}

void what_can_not_be_cloned() {
    const auto tape = test::make_tape(test::fresh_image());
    const auto pool = pool_with_region(tape, {.max_size = kMiB});
    test::error(pool->begin_clone("a", 10, {}), ENODATA);
    test::error(pool->begin_clone("b", 10, {}), ENOENT);
    test::ok(test::save(*pool, "a", test::random_bytes(100)));
    test::error(pool->begin_clone("a", 10, {2, {}}), ENOENT);
    test::error(pool->begin_clone("a", kMiB + 1, {}), EFBIG);
    for (const auto& bad : {range(5, 6), range(11, 0), range(UINT64_MAX, 2), range(2, UINT64_MAX)})
        test::contains(test::error(pool->begin_clone("a", 10, {0, {bad}}), ERANGE), "10 bytes");
    // All pages taken: sharing needs none, a dirty page one.
    test::ok(pool->create_region("b", "alice", {}));
    const auto rest = test::ok(pool->begin("b", pool->info().free_pages * kPage));
    test::ok(pool->begin_clone("a", 100, {}));
    test::contains(test::error(pool->begin_clone("a", 100, {0, {range(0, 1)}}), ENOSPC),
                   "clone of generation 1");
    test::equal(pool->info().drafts, std::uint64_t{1});
    test::equal(pool->info().free_pages, std::uint64_t{0});
}

void larger_than_the_pool() {
    const auto tape = test::make_tape(test::fresh_image());
    auto pool = pool_with_region(tape);
    test::ok(test::save(*pool, "a", test::random_bytes(100)));
    const auto state = test::digest(*pool);
    for (const std::uint64_t size :
         {(pool->info().pages + 1) * kPage, std::uint64_t{1} << 50, std::uint64_t{1} << 63, UINT64_MAX})
        test::contains(test::error(pool->begin_clone("a", size, {0, {range(0, 1)}}), ENOSPC),
                       "and the pool has");
    test::equal(test::digest(*pool), state);
    test::ok(pool->begin_clone("a", pool->info().free_pages * kPage, {0, {range(0, 1)}}));
}

void a_taken_over_region_refuses_old_drafts() {
    const auto tape = test::make_tape(test::fresh_image());
    auto pool = pool_with_region(tape);
    test::ok(test::save(*pool, "a", test::random_bytes(100)));
    auto draft = test::ok(pool->begin("a", 10));
    auto clone = test::ok(pool->begin_clone("a", 10, {}));
    CHECK(draft->epoch() == 1 && clone->epoch() == 1);
    test::equal(test::ok(pool->take_over("a")).epoch, std::uint64_t{2});
    const auto state = test::digest(*pool);
    test::contains(test::error(pool->seal(std::move(draft), 10, std::nullopt, "alice"), ESTALE), "epoch 2");
    test::error(pool->seal(std::move(clone), 10, std::nullopt, "alice"), ESTALE);
    test::equal(test::digest(*pool), state);
    test::equal(test::digest_of(tape->durable), state);
    test::equal(test::ok(test::save(*pool, "a", test::random_bytes(100))).epoch, std::uint64_t{2});
    pool = test::ok(test::open_tape(tape));
    test::equal(test::ok(pool->take_over("a")).epoch, std::uint64_t{3});
    test::error(pool->take_over("b"), ENOENT);
}

}  // namespace

int main() {
    return test::run("pool_clone",
                     {{"shares_what_is_not_written", shares_what_is_not_written},
                      {"longer_and_shorter_than_its_base", longer_and_shorter_than_its_base},
                      {"sealed_with_less", sealed_with_less},
                      {"a_clone_of_a_clone_outlives_them_all", a_clone_of_a_clone_outlives_them_all},
                      {"the_base_may_be_dropped_meanwhile", the_base_may_be_dropped_meanwhile},
                      {"only_own_pages_are_persisted", only_own_pages_are_persisted},
                      {"what_can_not_be_cloned", what_can_not_be_cloned},
                      {"larger_than_the_pool", larger_than_the_pool},
                      {"a_taken_over_region_refuses_old_drafts", a_taken_over_region_refuses_old_drafts}});
}
