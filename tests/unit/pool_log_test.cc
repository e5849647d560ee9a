// Logs: pages are granted here, records come from afar, and are found by looking.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "lib/format/log_record.hh"
#include "lib/pool/pool.hh"
#include "lib/pool/region_log.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

constexpr std::uint64_t kPage = 4 * kKiB;
using Payloads = std::vector<std::vector<std::byte>>;

struct Fixture {
    explicit Fixture(RegionSettings settings = {}) { test::ok(pool->create_region("a", "alice", settings)); }
    test::LogWriter open(std::uint64_t room) { return {*pool, test::ok(pool->open_log("a", room))}; }
    void reopen() {
        pool.reset();
        tape = test::make_tape(tape->durable);
        pool = test::ok(test::open_tape(tape));
    }
    std::shared_ptr<test::Tape> tape = test::make_tape(test::fresh_image());
    std::unique_ptr<Pool> pool = test::ok(test::open_tape(tape));
};

void records_are_found() {
    Fixture fixture;
    test::equal(test::ok(fixture.pool->read_log("a")).log.id, std::uint64_t{0});
    test::ok(test::save(*fixture.pool, "a", test::random_bytes(10)));
    auto writer = fixture.open(100'000);
    CHECK(writer.grant().log.id != 0 && writer.grant().log.term == 1 && writer.grant().next_sequence == 1);
    Payloads payloads;
    for (const std::size_t size : {1, 7, 8, 9, 4000, 4096, 9000, 50'000}) {
        payloads.push_back(test::random_bytes(size));
        writer.append(payloads.back());
        CHECK(test::log_payloads(*fixture.pool, "a") == payloads);
    }
    const auto view = test::ok(fixture.pool->read_log("a"));
    CHECK(view.generation == 1 && view.epoch == 1 && view.log.bytes == writer.end());
    test::equal(test::ok(fixture.pool->find_region("a")).log.records, std::uint64_t{8});
    fixture.reopen();
    CHECK(test::log_payloads(*fixture.pool, "a") == payloads);
}

/// Also behind and between remembered places, by what one looks for.
void borders_are_found() {
    Fixture fixture;
    auto writer = fixture.open(6 * kBytesBetweenMarks);
    std::vector<LogPlace> borders(1);
    while (writer.room() > kBytesBetweenMarks / 2) {
        const auto payload =
            test::random_bytes(1 + test::generator()() % (test::generator()() % 20 == 0 ? 300'000 : 3000));
        writer.append(payload);
        const auto& before = borders.back();
        borders.push_back({writer.end(),
                           before.payload_bytes + payload.size(),
                           {before.last.sequence + 1, 1, writer.grant().log.term}});
    }
    const auto id = writer.grant().log.id;
    const auto check = [&](LogMeasure by, std::uint64_t value, const LogPlace& border) {
        const auto found = test::ok(fixture.pool->find_in_log("a", id, by, value));
        CHECK(found.bytes == border.bytes && found.payload_bytes == border.payload_bytes &&
              found.last.sequence == border.last.sequence);
        CHECK(border.bytes == 0 || (found.last.epoch == 1 && found.last.term == border.last.term));
    };
    for (int round = 0; round < 3; ++round) {
        for (const auto& border : borders) {
            check(LogMeasure::records, border.last.sequence, border);
            check(LogMeasure::payload_bytes, border.payload_bytes, border);
            if (border.bytes > 0)
                check(LogMeasure::payload_bytes, border.payload_bytes - 1, *(&border - 1));
        }
        test::equal(test::ok(fixture.pool->read_log("a")).log.payload_bytes, borders.back().payload_bytes);
        if (round == 1)
            fixture.reopen();
    }
    for (const auto by : {LogMeasure::records, LogMeasure::payload_bytes}) {
        const auto all =
            by == LogMeasure::records ? borders.back().last.sequence : borders.back().payload_bytes;
        test::error(fixture.pool->find_in_log("a", id, by, all + 1), ERANGE);
        test::error(fixture.pool->find_in_log("a", id, by, UINT64_MAX), ERANGE);
        test::error(fixture.pool->find_in_log("a", id + 1, by, 0), ESTALE);
        test::error(fixture.pool->find_in_log("b", id, by, 0), ENOENT);
    }
    test::ok(test::save(*fixture.pool, "a", {}));
    test::error(fixture.pool->find_in_log("a", id, LogMeasure::records, 0), ESTALE);
}

/// Extents that are pages far apart, and a header in two of them.
void on_scattered_pages() {
    Fixture fixture;
    test::ok(fixture.pool->create_region("b", "alice", {.keep = 4000}));
    std::vector<std::unique_ptr<Draft>> odd, even;
    while (fixture.pool->info().free_pages > 1) {
        odd.push_back(test::ok(fixture.pool->begin("b", kPage)));
        even.push_back(test::ok(fixture.pool->begin("b", kPage)));
    }
    even.resize(even.size() / 2);
    auto writer = fixture.open(40 * kPage);
    Payloads payloads;
    const auto view = [&] { return test::log_payloads(*fixture.pool, "a"); };
    while (writer.room() > 3 * kPage) {
        payloads.push_back(test::random_bytes(1 + test::generator()() % 9000));
        writer.append(payloads.back());
        CHECK(view() == payloads);
    }
    const auto& offsets = writer.grant().segments[0].page_offsets;
    CHECK(std::adjacent_find(offsets.begin(), offsets.end(), [](auto a, auto b) { return b != a + kPage; }) !=
          offsets.end());
    fixture.reopen();
    CHECK(view() == payloads);
}

void grows_by_segments() {
    Fixture fixture;
    auto writer = fixture.open(1);
    test::equal(writer.grant().log.capacity, kPage);
    Payloads payloads;
    std::vector<std::uint64_t> sizes;
    for (int segment = 0; segment < 6; ++segment) {
        const auto& log = writer.grant().log;
        const auto more = test::ok(fixture.pool->grow_log("a", log.id, log.term, 100));
        CHECK(more.segments.size() == 1 && more.segments[0].start == log.capacity);
        test::equal(more.segments[0].size, log.capacity);  // doubled
        writer.add_segments(more);
        // To the last byte, across the border.
        payloads.push_back(test::random_bytes(writer.room() - format::kLogRecordHeaderBytes));
        writer.append(payloads.back());
        test::equal(writer.room(), std::uint64_t{0});
        CHECK(test::log_payloads(*fixture.pool, "a") == payloads);
    }
    const auto& log = writer.grant().log;
    const auto large = test::ok(fixture.pool->grow_log("a", log.id, log.term, 3 * kMiB));
    test::equal(large.segments[0].size, 3 * kMiB);
    test::error(fixture.pool->grow_log("a", log.id + 1, log.term, 1), ESTALE);
    test::error(fixture.pool->grow_log("a", log.id, log.term + 1, 1), ESTALE);
    test::error(fixture.pool->grow_log("b", log.id, log.term, 1), ENOENT);
    test::error(fixture.pool->grow_log("a", log.id, log.term, UINT64_MAX), ENOSPC);
    test::error(fixture.pool->open_log("a", UINT64_MAX), ENOSPC);
    fixture.reopen();
    CHECK(test::log_payloads(*fixture.pool, "a") == payloads);
    test::equal(test::pages_owned_twice(*fixture.pool), std::string());
}

void opened_again_it_goes_on() {
    Fixture fixture;
    auto first = fixture.open(10'000);
    first.append(test::random_bytes(100));
    first.append(test::random_bytes(100));
    const auto free = fixture.pool->info().free_pages;
    auto second = fixture.open(1000);
    CHECK(second.grant().log.id == first.grant().log.id && second.grant().log.term == 2);
    CHECK(second.grant().next_sequence == 3 && second.end() == first.end());
    test::equal(fixture.pool->info().free_pages, free);  // there is room
    second.append(test::random_bytes(100));
    auto third = fixture.open(20'000);
    CHECK(third.room() >= 20'000 && third.grant().segments.size() == 2);
    test::equal(test::log_payloads(*fixture.pool, "a").size(), std::size_t{3});
    fixture.reopen();
    test::equal(fixture.open(1).grant().log.term, std::uint32_t{4});
}

/// A record of the term before, right behind the end, in just the place and with just the number: it is not
/// taken.
void what_an_older_term_left_is_not_taken() {
    Fixture fixture;
    auto old = fixture.open(10'000);
    old.append(test::random_bytes(100));
    const auto gap = old.end();
    old.store(test::random_bytes(100));
    old.store(test::random_bytes(100));
    // The middle one never arrived.
    old.put(gap, std::vector<std::byte>(format::log_record_bytes(100)));
    auto fresh = fixture.open(1);
    test::equal(fresh.grant().next_sequence, std::uint64_t{2});
    fresh.append(test::random_bytes(100));
    test::equal(test::log_payloads(*fixture.pool, "a").size(), std::size_t{2});
    fresh.append(test::random_bytes(100));
    test::equal(test::log_payloads(*fixture.pool, "a").size(), std::size_t{3});
}

/// What the new opening builds on was seen, so it stays, whatever its writer had made durable.
void what_an_opening_follows_is_durable() {
    Fixture fixture;
    auto old = fixture.open(10'000);
    old.store(test::random_bytes(5000));
    test::equal(test::ok(fixture.pool->read_log("a")).log.records, std::uint64_t{1});
    auto fresh = fixture.open(1);
    fresh.append(test::random_bytes(10));
    fixture.reopen();
    test::equal(test::log_payloads(*fixture.pool, "a").size(), std::size_t{2});
}

void a_damaged_record_ends_the_log() {
    Fixture fixture;
    auto writer = fixture.open(100'000);
    std::vector<std::uint64_t> ends;
    for (int record = 0; record < 5; ++record) {
        writer.append(test::random_bytes(3000));
        ends.push_back(writer.end());
    }
    const auto good = fixture.tape->durable;
    for (std::size_t record = 0; record < 5; ++record) {
        const auto start = record == 0 ? 0 : ends[record - 1];
        for (const std::uint64_t at :
             {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{20}, std::uint64_t{2500}}) {
            auto pool = test::ok(test::open_image(good));
            const auto view = test::ok(pool->read_log("a"));
            test::equal(view.log.records, std::uint64_t{5});
            const auto place = start + at;
            auto image = good;
            image[view.segments[0].page_offsets[place / kPage] + place % kPage] ^= std::byte{1};
            pool = test::ok(test::open_image(image));
            test::equal(test::ok(pool->read_log("a")).log.records, std::uint64_t{record});
        }
    }
}

void only_what_is_new_is_looked_at() {
    Fixture fixture;
    auto writer = fixture.open(100'000);
    writer.append(test::random_bytes(1000));
    test::equal(test::ok(fixture.pool->read_log("a")).log.records, std::uint64_t{1});
    // Its writer may spoil what it wrote; it is not read a second time.
    writer.put(0, std::vector<std::byte>(1000));
    writer.append(test::random_bytes(1000));
    test::equal(test::ok(fixture.pool->read_log("a")).log.records, std::uint64_t{2});
}

void a_seal_ends_it_and_clear_too() {
    for (const auto* how : {"seal", "clone", "clear", "destroy"}) {
        Fixture fixture({.keep = 1});
        const auto bytes = test::random_bytes(kPage);
        test::ok(test::save(*fixture.pool, "a", bytes));
        auto writer = fixture.open(3 * kPage);
        const auto payload = test::random_bytes(100);
        writer.append(payload);
        auto view = test::ok(fixture.pool->read_log("a"));
        auto grant = writer.grant();
        const auto free = fixture.pool->info().free_pages;
        const std::string step = how;
        if (step == "seal")
            test::ok(test::save(*fixture.pool, "a", bytes));
        else if (step == "clone")
            test::ok(test::save_clone(*fixture.pool, "a", bytes, {{{0}, {1}}}));
        else
            test::ok(step == "clear" ? fixture.pool->clear("a")
                                     : fixture.pool->destroy_region("a").map([](std::uint64_t) {}));
        // Who reads it keeps its pages.
        CHECK(fixture.pool->info().free_pages <= free + 1);
        const auto all = test::ok(fixture.pool->create_region("b", "alice", {}));
        test::fill(*fixture.pool,
                   *test::ok(fixture.pool->begin("b", fixture.pool->info().free_pages * kPage)), bytes);
        const auto at = view.segments[0].page_offsets[0] + format::kLogRecordHeaderBytes;
        CHECK(std::equal(payload.begin(), payload.end(),
                         fixture.tape->stored.begin() + static_cast<std::ptrdiff_t>(at)));
        view = {};
        grant = {};
        writer = test::LogWriter(*fixture.pool, {});
        const bool sealed = step == "seal" || step == "clone";
        const auto info = fixture.pool->info();
        test::equal(info.pages - info.free_pages, std::uint64_t{sealed});
        if (step == "destroy")
            continue;
        test::equal(test::ok(fixture.pool->find_region("a")).log.id, std::uint64_t{0});
        const auto state = test::digest(*fixture.pool);
        test::equal(test::digest_of(fixture.tape->durable), state);
        test::equal(fixture.open(1).grant().next_sequence, std::uint64_t{1});
    }
}

void old_pages_do_not_show_through() {
    Fixture fixture({.keep = 1});
    const auto blank = [](const test::Image& image, const std::vector<std::uint64_t>& offsets) {
        return std::ranges::all_of(offsets, [&](auto offset) {
            return std::all_of(image.begin() + static_cast<std::ptrdiff_t>(offset),
                               image.begin() + static_cast<std::ptrdiff_t>(offset + kPage),
                               [](std::byte byte) { return byte == std::byte{0}; });
        });
    };
    for (int round = 0; round < 3; ++round) {
        test::ok(test::save(*fixture.pool, "a", test::random_bytes(12 * kMiB)));
        test::ok(fixture.pool->clear("a"));
        auto writer = fixture.open(5 * kMiB);
        CHECK(blank(fixture.tape->stored, writer.grant().segments[0].page_offsets));
        CHECK(blank(fixture.tape->durable, writer.grant().segments[0].page_offsets));
        const auto& log = writer.grant().log;
        const auto more = test::ok(fixture.pool->grow_log("a", log.id, log.term, 5 * kMiB));
        CHECK(blank(fixture.tape->durable, more.segments[0].page_offsets));
        test::ok(fixture.pool->clear("a"));
    }
}

void has_the_regions_largest_size() {
    Fixture fixture({.max_size = 5 * kPage});
    test::error(fixture.pool->open_log("a", 5 * kPage + 1), EFBIG);
    auto writer = fixture.open(2 * kPage);
    const auto& log = writer.grant().log;
    test::error(fixture.pool->grow_log("a", log.id, log.term, 3 * kPage + 1), EFBIG);
    const auto more = test::ok(fixture.pool->grow_log("a", log.id, log.term, 1));
    test::equal(more.log.capacity, 4 * kPage);
    test::equal(test::ok(fixture.pool->grow_log("a", log.id, log.term, 1)).log.capacity, 5 * kPage);
    test::error(fixture.pool->grow_log("a", log.id, log.term, 1), EFBIG);
}

void a_full_pool_grants_what_is_left() {
    Fixture fixture;
    test::ok(fixture.pool->create_region("b", "alice", {}));
    auto writer = fixture.open(100 * kPage);
    const auto rest = test::ok(fixture.pool->begin("b", (fixture.pool->info().free_pages - 3) * kPage));
    const auto& log = writer.grant().log;
    const auto more = test::ok(fixture.pool->grow_log("a", log.id, log.term, 1));
    test::equal(more.segments[0].size, kPage);
    const auto state = test::digest(*fixture.pool);
    test::contains(test::error(fixture.pool->grow_log("a", log.id, log.term, 3 * kPage), ENOSPC),
                   "log of region a");
    test::equal(test::digest(*fixture.pool), state);
    test::equal(fixture.pool->info().free_pages, std::uint64_t{2});
}

void records_of_two_epochs() {
    Fixture fixture;
    auto old = fixture.open(10'000);
    old.append(test::random_bytes(10));
    test::ok(fixture.pool->take_over("a"));
    auto fresh = fixture.open(10'000);
    CHECK(fresh.grant().epoch == 2 && fresh.grant().next_sequence == 2);
    fresh.append(test::random_bytes(10));
    test::equal(test::log_payloads(*fixture.pool, "a").size(), std::size_t{2});
    const auto view = test::ok(fixture.pool->read_log("a"));
    test::equal(view.epoch, std::uint64_t{2});
}

void a_failed_journal_grants_nothing() {
    Fixture fixture;
    const auto journal = [](Extent extent) { return extent.at.bytes < 2 * kMiB ? EIO : 0; };
    auto writer = fixture.open(1);
    const auto state = test::digest(*fixture.pool);
    const auto free = fixture.pool->info().free_pages;
    fixture.tape->persist_result = journal;
    const auto& log = writer.grant().log;
    test::error(fixture.pool->grow_log("a", log.id, log.term, kPage), EIO);
    fixture.tape->persist_result = nullptr;
    test::equal(test::digest(*fixture.pool), state);
    test::equal(fixture.pool->info().free_pages, free - 1);  // the record may be there: nobody gets its page
    test::error(fixture.pool->open_log("a", 1), EIO);
    test::error(fixture.pool->take_over("a"), EIO);
}

/// Who looks with an older list of segments is not led behind its end.
void a_look_at_less_than_another_one_saw() {
    const auto store = PageStore::make({0, kPage, 2});
    const LogPages one = {std::make_shared<const Pages>(test::ok(store->allocate(1)))};
    auto two = one;
    two.push_back(std::make_shared<const Pages>(test::ok(store->allocate(1))));
    std::vector<std::byte> medium(2 * kPage);
    for (std::uint64_t sequence = 1, at = 0; sequence <= 2;
         ++sequence, at += format::log_record_bytes(3000)) {
        format::LogRecordHeader header;
        header.magic = format::kLogRecordMagic;
        header.log_id = 7;
        header.sequence = sequence;
        header.epoch = 1;
        header.term = 1;
        header.length = 3000;
        header.crc32c = format::log_record_crc(header, std::vector<std::byte>(3000));
        std::memcpy(medium.data() + at, &header, sizeof header);
    }
    LogScan scan;
    test::equal(scan.look(medium, LogMap(two, kPage), {7, 1, 1}).last.sequence, std::uint64_t{2});
    test::equal(scan.look(medium, LogMap(one, kPage), {7, 1, 1}).bytes, 2 * format::log_record_bytes(3000));
}

void many_look_while_it_grows() {
    Fixture fixture;
    auto writer = fixture.open(1);
    std::atomic<bool> done = false;
    std::atomic<std::uint64_t> seen = 0;
    {
        std::vector<std::jthread> readers;
        for (int reader = 0; reader < 3; ++reader)
            readers.emplace_back([&] {
                while (!done) {
                    const auto view = test::ok(fixture.pool->read_log("a"));
                    require(view.log.bytes <= view.log.capacity, "a view has all that it tells of");
                    seen = std::max(seen.load(), view.log.records);
                }
            });
        for (int record = 0; record < 200; ++record) {
            while (writer.room() < 200)
                writer.add_segments(test::ok(
                    fixture.pool->grow_log("a", writer.grant().log.id, writer.grant().log.term, 200)));
            writer.append(test::random_bytes(100));
        }
        done = true;
    }
    test::equal(test::ok(fixture.pool->read_log("a")).log.records, std::uint64_t{200});
    CHECK(seen <= 200);
}

}  // namespace

int main() {
    return test::run("pool_log",
                     {{"records_are_found", records_are_found},
                      {"borders_are_found", borders_are_found},
                      {"on_scattered_pages", on_scattered_pages},
                      {"grows_by_segments", grows_by_segments},
                      {"opened_again_it_goes_on", opened_again_it_goes_on},
                      {"what_an_older_term_left_is_not_taken", what_an_older_term_left_is_not_taken},
                      {"what_an_opening_follows_is_durable", what_an_opening_follows_is_durable},
                      {"a_damaged_record_ends_the_log", a_damaged_record_ends_the_log},
                      {"only_what_is_new_is_looked_at", only_what_is_new_is_looked_at},
                      {"a_seal_ends_it_and_clear_too", a_seal_ends_it_and_clear_too},
                      {"old_pages_do_not_show_through", old_pages_do_not_show_through},
                      {"has_the_regions_largest_size", has_the_regions_largest_size},
                      {"a_full_pool_grants_what_is_left", a_full_pool_grants_what_is_left},
                      {"records_of_two_epochs", records_of_two_epochs},
                      {"a_failed_journal_grants_nothing", a_failed_journal_grants_nothing},
                      {"a_look_at_less_than_another_one_saw", a_look_at_less_than_another_one_saw},
                      {"many_look_while_it_grows", many_look_while_it_grows}});
}
