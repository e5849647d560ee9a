// Bad blocks: known ones are nobody's, what lies on one is an error by itself, and what turns out to be bad
// while a pool is open ends nothing else. A file that is cut short while it is mapped stands for the latter.
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>

#include "lib/base/log.hh"
#include "lib/media/medium.hh"
#include "lib/pool/page_store.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

constexpr std::uint64_t kPage = 4 * kKiB;

std::set<std::uint64_t> pages_of(const Pool& pool, const std::string& region) {
    const auto generation = test::ok(pool.open_generation(region, 0));
    return {generation->page_offsets().begin(), generation->page_offsets().end()};
}

/// A region that has as much as the pool gives, in a generation of its own.
std::set<std::uint64_t> fill_all(Pool& pool) {
    test::ok(pool.create_region("all", "alice", {.keep = 1}));
    test::ok(test::save(pool, "all", test::random_bytes(pool.info().free_pages * kPage)));
    return pages_of(pool, "all");
}

void a_store_withholds_pages() {
    const auto store = PageStore::make({kMiB, kPage, 10});
    auto owned = test::ok(store->claim({{2, 2}}));
    for (const std::uint32_t page : {3, 7, 7})
        store->withhold(page);
    test::equal(store->withheld_pages(), std::uint64_t{2});
    test::equal(store->free_pages(), std::uint64_t{7});
    owned = {};
    test::equal(store->free_pages(), std::uint64_t{8});
    const auto all = test::ok(store->allocate(8));
    for (const auto extent : all.extents())
        CHECK(!overlap({{extent.start}, {extent.count}}, {{3}, {1}}) &&
              !overlap({{extent.start}, {extent.count}}, {{7}, {1}}));
    test::error(store->allocate(1), ENOSPC);
}

void known_ones_are_never_given_out() {
    const auto tape = test::make_tape(test::fresh_image());
    const auto geometry = [&] {
        const auto pool = test::ok(test::open_tape(tape));
        const auto pages = fill_all(*pool);
        test::ok(pool->destroy_region("all"));
        return pages;
    }();
    const auto first = *geometry.begin(), last = *geometry.rbegin();
    tape->bad = {{{first - 100}, {200}},               // it reaches into the metadata's end
                 {{first + 10 * kPage + 512}, {512}},  // within one page
                 {{first + 20 * kPage - 1}, {2}},      // at a border: two
                 {{last + kPage - 512}, {kMiB}}};      // and beyond the pool's end
    tape->bad[0] = {{first}, {1}};
    const auto pool = test::ok(test::open_tape(tape));
    test::equal(pool->info().bad_pages, std::uint64_t{5});
    test::equal(pool->info().free_pages, pool->info().pages - 5);
    const auto given = fill_all(*pool);
    test::equal(given.size(), std::size_t{pool->info().pages - 5});
    for (const auto bad : {first, first + 10 * kPage, first + 19 * kPage, first + 20 * kPage, last})
        CHECK(!given.contains(bad));
    test::error(test::save(*pool, "all", test::random_bytes(kPage)), ENOSPC);
}

void a_generation_on_one_is_an_error_by_itself() {
    const auto tape = test::make_tape(test::fresh_image());
    std::uint64_t second_page = 0;
    {
        const auto pool = test::ok(test::open_tape(tape));
        test::ok(pool->create_region("a", "alice", {.keep = 2}));
        for (const std::size_t size : {5 * kPage, 3 * kPage})
            test::ok(test::save(*pool, "a", test::random_bytes(size)));
        second_page = test::ok(pool->open_generation("a", 2))->page_offsets()[1];
    }
    tape->bad = {{{second_page + 1024}, {512}}};
    const auto pool = test::ok(test::open_tape(tape));
    test::contains(test::error(pool->open_generation("a", 0), EBADMSG), "generation 2 lies on a bad block");
    test::equal(test::ok(pool->generations("a", 0, 10)).size(), std::size_t{2});
    test::equal(test::content(*pool, *test::ok(pool->open_generation("a", 1))).size(),
                std::size_t{5 * kPage});
    // The region goes on, and when the bad one is dropped its bad page stays away.
    for (int again = 0; again < 2; ++again)
        test::ok(test::save(*pool, "a", test::random_bytes(2 * kPage)));
    test::ok(pool->open_generation("a", 0));
    test::equal(pool->info().bad_pages, std::uint64_t{1});
    test::equal(pool->info().free_pages, pool->info().pages - 4 - 1);
}

/// Nobody reads behind a generation's length.
void a_bad_block_behind_the_length_is_none() {
    const auto tape = test::make_tape(test::fresh_image());
    std::uint64_t page = 0;
    {
        const auto pool = test::ok(test::open_tape(tape));
        test::ok(pool->create_region("a", "alice", {.keep = 2}));
        test::ok(test::save(*pool, "a", test::random_bytes(100)));
        page = test::ok(pool->open_generation("a", 1))->page_offsets()[0];
    }
    tape->bad = {{{page + 512}, {512}}};
    test::ok(test::ok(test::open_tape(tape))->open_generation("a", 1));
    tape->bad = {{{page}, {512}}};
    test::error(test::ok(test::open_tape(tape))->open_generation("a", 1), EBADMSG);
}

void metadata_on_one_says_what_to_do() {
    for (const std::uint64_t at : {std::uint64_t{0}, 4096UL, 70'000UL}) {
        const auto tape = test::make_tape(test::fresh_image());
        tape->bad = {{{at}, {512}}};
        const auto said = test::error(test::open_tape(tape), EUCLEAN);
        test::contains(said, fmt::format("512 bytes at {} are a bad block", at));
        test::contains(said, "ndctl clear-errors");
        test::RecordingMedium medium(tape);
        CreateOptions options;
        options.size = tape->stored.size();
        options.page_size = kPage;
        test::contains(test::error(Pool::create(medium, options, test::pool_key()), EIO),
                       "ndctl clear-errors");
    }
}

/// Pages of a size that the medium can't map.
class Aligned final : public media::Medium {
public:
    explicit Aligned(std::shared_ptr<test::Tape> tape) : medium_(std::move(tape)) {}
    std::span<std::byte> bytes() override { return medium_.bytes(); }
    Status persist(Extent extent) override { return medium_.persist(extent); }
    Status blank(Extent extent) override { return medium_.blank(extent); }
    media::Durability durability() const override { return media::Durability::gpspm; }
    std::uint64_t alignment() const override { return 64 * kKiB; }
    const std::string& path() const override { return medium_.path(); }

private:
    test::RecordingMedium medium_;
};

void a_page_is_a_multiple_of_the_alignment() {
    Aligned medium(test::make_tape(test::Image(kMinimumPoolSize)));
    CreateOptions options;
    options.size = kMinimumPoolSize;
    options.page_size = 32 * kKiB;
    const auto said = test::error(Pool::create(medium, options, test::pool_key()), EINVAL);
    test::contains(said, "32.0 KiB (32768 bytes)");
    test::contains(said, "64.0 KiB (65536 bytes)");
    options.page_size = 128 * kKiB;
    test::ok(Pool::create(medium, options, test::pool_key()));
    options.size = 2 * kMinimumPoolSize;
    test::contains(test::error(Pool::create(medium, options, test::pool_key()), ENOSPC), "does not fit");
}

/// A pool in a file, open, whose last page is gone.
struct CutPool {
    std::string path = (test::directory() / "pool").string();
    std::unique_ptr<Pool> pool;

    CutPool() {
        CreateOptions options;
        options.path = path;
        options.size = kMinimumPoolSize;
        options.page_size = kPage;
        test::ok(Pool::create(options, test::pool_key()));
        pool = test::ok(Pool::open(path, test::pool_key()));
        test::ok(pool->create_region("a", "alice", {.keep = 8}));
    }
    void cut(std::uint64_t at) const { std::filesystem::resize_file(path, at); }
};

void a_seal_of_what_can_not_be_read() {
    CutPool cut;
    const auto bytes = test::random_bytes(3 * kPage);
    test::ok(test::save(*cut.pool, "a", bytes));
    auto draft = test::ok(cut.pool->begin("a", 3 * kPage));
    test::fill(*cut.pool, *draft, bytes);
    const auto offsets = draft->page_offsets();
    cut.cut(offsets[1]);
    const auto free = cut.pool->info().free_pages;
    test::contains(test::error(cut.pool->seal(std::move(draft), 3 * kPage, std::nullopt, "alice"), EBADMSG),
                   "can't be read");
    // The first page is free again, the others are withheld; the pool and its older generation go on.
    test::equal(cut.pool->info().bad_pages, std::uint64_t{2});
    test::equal(cut.pool->info().free_pages, free + 1);
    const auto kept = test::ok(cut.pool->open_generation("a", 0));
    test::equal(kept->info().number, std::uint64_t{1});
    CHECK(test::content(*cut.pool, *kept) == bytes);
}

void a_clone_of_what_can_not_be_read() {
    CutPool cut;
    const auto bytes = test::random_bytes(3 * kPage);
    test::ok(test::save(*cut.pool, "a", bytes));
    cut.cut(test::ok(cut.pool->open_generation("a", 1))->page_offsets()[2]);
    test::contains(test::error(cut.pool->begin_clone("a", 3 * kPage, {0, {{{2 * kPage}, {1}}}}), EBADMSG),
                   "can't be read");
    test::ok(cut.pool->pin("a", 1, true));
}

/// The reader is told when it opens it, and takes an older one.
void a_generation_that_was_cut_off() {
    CutPool cut;
    for (int number = 1; number <= 2; ++number)
        test::ok(test::save(*cut.pool, "a", test::random_bytes(3 * kPage)));
    cut.cut(test::ok(cut.pool->open_generation("a", 2))->page_offsets()[2] + 5);
    test::contains(test::error(cut.pool->open_generation("a", 0), EBADMSG), "was cut short, to");
    test::ok(cut.pool->open_generation("a", 1));
}

void a_log_ends_where_it_can_not_be_read() {
    CutPool cut;
    test::LogWriter writer(*cut.pool, test::ok(cut.pool->open_log("a", 4 * kPage)));
    for (int record = 0; record < 8; ++record)
        writer.append(test::random_bytes(1500));
    cut.cut(writer.grant().segments.at(0).page_offsets.at(1));
    const auto view = test::ok(cut.pool->read_log("a"));
    test::equal(view.log.records, std::uint64_t{2});
    test::ok(cut.pool->create_region("b", "alice", {}));
}

/// Its metadata is gone: nothing can be changed, and the process lives to say so.
void a_journal_that_can_not_be_written() {
    CutPool cut;
    cut.cut(4096);
    test::error(cut.pool->create_region("b", "alice", {}), EIO);
    test::contains(test::error(cut.pool->create_region("c", "alice", {}), EIO),
                   "could not be written earlier");
    test::ok(cut.pool->find_region("a"));
}

}  // namespace

int main() {
    log::set_level(log::Level::error);
    return test::run(
        "pool_bad_pages",
        {{"a_store_withholds_pages", a_store_withholds_pages},
         {"known_ones_are_never_given_out", known_ones_are_never_given_out},
         {"a_generation_on_one_is_an_error_by_itself", a_generation_on_one_is_an_error_by_itself},
         {"a_bad_block_behind_the_length_is_none", a_bad_block_behind_the_length_is_none},
         {"metadata_on_one_says_what_to_do", metadata_on_one_says_what_to_do},
         {"a_page_is_a_multiple_of_the_alignment", a_page_is_a_multiple_of_the_alignment},
         {"a_seal_of_what_can_not_be_read", a_seal_of_what_can_not_be_read},
         {"a_clone_of_what_can_not_be_read", a_clone_of_what_can_not_be_read},
         {"a_generation_that_was_cut_off", a_generation_that_was_cut_off},
         {"a_log_ends_where_it_can_not_be_read", a_log_ends_where_it_can_not_be_read},
         {"a_journal_that_can_not_be_written", a_journal_that_can_not_be_written}});
}
