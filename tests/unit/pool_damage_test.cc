// Bit rot, cut files and hostile images: open gives an error or a consistent state, and never a wrong one.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/crc32c.hh"
#include "lib/base/log.hh"
#include "lib/format/log_record.hh"
#include "lib/format/record.hh"
#include "lib/format/superblock.hh"
#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/forger.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Forger;
using test::Image;
using test::superblock_of;
using test::Tape;

using States = std::vector<std::string>;

/// Some regions and generations; and the digests of all states that the pool was in, in their order.
Image lived_in_image(States& states) {
    const auto tape = test::make_tape(test::fresh_image());
    const auto pool = test::ok(test::open_tape(tape));
    const auto remember = [&](const auto& result) {
        test::ok(result);
        states.push_back(test::digest(*pool));
    };
    states.push_back("");
    remember(pool->create_region("team/app", "alice", {.keep = 3}));
    remember(pool->create_region("b", "bob", {.keep = 1}));
    remember(pool->create_region("gone", "bob", {}));
    for (std::size_t size : {9000, 100, 0, 5000, 12345})
        remember(test::save(*pool, "team/app", test::random_bytes(size)));
    remember(test::save(*pool, "gone", test::random_bytes(5000)));
    remember(pool->destroy_region("gone"));
    remember(test::save(*pool, "b", test::random_bytes(20'000)));
    remember(test::save(*pool, "b", test::random_bytes(3)));
    const auto bytes = test::content(*pool, *test::ok(pool->open_generation("team/app", 0)));
    remember(pool->pin("team/app", 4, true));
    remember(test::save_clone(*pool, "team/app", bytes, {{{0}, {5}}}));
    remember(pool->open_log("team/app", 100));
    remember(pool->advance_cursor("team/app", {"backup", 6, 0}));
    remember(pool->take_over("team/app"));
    remember(pool->clear("b"));
    remember(pool->open_log("team/app", 5000));
    return tape->stored;
}

/// Bytes of an older state may have been written over since; its checksums say so.
std::string without_torn(std::string state) {
    for (auto at = state.find(" TORN"); at != std::string::npos; at = state.find(" TORN"))
        state.erase(at, 5);
    return state;
}

/// Opened for reading only, so that it stays as it is.
std::string look(const std::shared_ptr<Tape>& tape) {
    tape->read_only = true;
    const auto pool = test::open_tape(tape);
    if (pool)
        return test::pages_owned_twice(**pool) + test::digest(**pool);
    const int code = pool.error().code;
    CHECK((code == EUCLEAN || code == EPROTONOSUPPORT) && !pool.error().message.empty());
    return "error";
}

/// All of what the superblocks and the journal hold; of the zeros after that, some.
std::vector<std::size_t> metadata_positions(const format::Superblock& superblock) {
    std::vector<std::size_t> positions;
    const auto add = [&](std::uint64_t begin, std::uint64_t end, std::size_t step) {
        for (auto at = begin; at < end; at += test::under_valgrind() ? 41 * step : step)
            positions.push_back(at);
    };
    for (const auto offset : format::kSuperblockOffset) {
        add(offset, offset + 180, 1);
        add(offset + 180, offset + format::kSuperblockBytes, 97);
    }
    add(superblock.half_offset[0], superblock.half_offset[0] + 2400, 1);
    add(superblock.half_offset[0] + 2400, superblock.half_offset[0] + superblock.half_size, 9973);
    return positions;
}

void flipped_bytes_in_metadata() {
    States states;
    const auto tape = std::make_shared<Tape>(lived_in_image(states), false);
    const auto newest = states.back();
    test::equal(look(tape), newest);
    std::size_t refused = 0, older = 0;
    for (const auto at : metadata_positions(superblock_of(tape->stored))) {
        const auto before = tape->stored[at];
        tape->stored[at] = before ^ static_cast<std::byte>(1 + test::generator()() % 255);
        const auto state = look(tape);
        // One superblock's loss is no loss. In the journal only the last record's loss looks like a cut.
        refused += state == "error";
        older += state == states[states.size() - 2];
        const bool in_journal = at >= format::kJournalOffset;
        CHECK(state == newest || (in_journal && (state == "error" || state == states[states.size() - 2])));
        tape->stored[at] = before;
    }
    CHECK(refused > older && older > 0);
    test::equal(look(tape), newest);
}

void rot_in_the_middle_says_where() {
    States states;
    auto image = lived_in_image(states);
    const auto at = superblock_of(image).half_offset[0] + 100;
    image[at] ^= std::byte{1};
    const auto message = test::error(test::open_image(image), EUCLEAN);
    test::contains(message, "is damaged at byte 65");
    test::contains(message, "restore the pool from a copy");
}

void overwritten_blocks() {
    States states;
    const auto good = lived_in_image(states);
    for (int round = 0; round < (test::under_valgrind() ? 5 : 150); ++round) {
        auto tape = std::make_shared<Tape>(good, false);
        auto& random = test::generator();
        const auto size = 1 + random() % 3000;
        const auto at = random() % 2 ? random() % 70'000 : random() % (good.size() - size);
        const auto junk = random() % 2 ? test::random_bytes(size) : std::vector<std::byte>(size);
        std::copy(junk.begin(), junk.end(), tape->stored.begin() + static_cast<std::ptrdiff_t>(at));
        const auto state = look(tape);
        const bool payload = at + size > superblock_of(good).pages_offset;
        CHECK(state == "error" || payload || std::ranges::count(states, without_torn(state)) == 1);
    }
}

void cut_short_at_any_length() {
    States states;
    const auto good = lived_in_image(states);
    std::vector<std::size_t> sizes{1, 7, 8, 12, 4095, 4096, 4097, 8191, 8192, 65536, 66000, good.size() - 1};
    for (int more = 0; more < 30; ++more)
        sizes.push_back(1 + test::generator()() % (good.size() - 1));
    for (const auto size : sizes) {
        const auto message = test::error(
            test::open_image(Image(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), EUCLEAN);
        test::contains(message, fmt::format("{}", size));
        if (size >= 4096)
            test::contains(message, fmt::format("{}", good.size()));
    }
    auto longer = good;
    longer.resize(good.size() + 5000);
    test::equal(test::digest_of(longer), states.back());
}

void valid_checksums_over_lies() {
    using format::Kind;
    const auto put = [](format::RegionPut record) { return Forger().add(Kind::region_put, record); };
    const auto sealed = [](format::GenerationSeal record) {
        return Forger().region(1, "a").add(Kind::generation_seal, record);
    };
    const std::vector<std::pair<Forger, const char*>> lies = {
        {put({1, 1, 1, 0, 0, 1, "../etc", "alice"}), "starts with a dot"},
        {put({1, 1, 1, 0, 0, 1, "a", "no one"}), "contradicts"},
        {put({1, 1, 1, 0, 0, 0, "a", "alice"}), "out of range"},
        {put({1, 1, 0, 0, 0, 1, "a", "alice"}), "out of range"},
        {put({1, 0, 1, 0, 0, 1, "a", "alice"}), "out of range"},
        {put({0, 1, 1, 0, 0, 1, "a", "alice"}), "out of range"},
        {put({UINT64_MAX, 1, 1, 0, 0, 1, "a", "alice"}), "out of range"},
        {Forger().region(1, "a").region(2, "a"), "region a exists"},
        {Forger().region(1, "a").region(2, "a/b"), "folder"},
        {Forger().region(2, "a").region(1, "b"), "which another one had before"},
        {Forger().region(1, "a").region(1, "b"), "a second time"},
        {Forger().add(Kind::region_drop, format::RegionDrop{9}), "is not there"},
        {Forger().region(1, "a").add(Kind::generation_drop, format::GenerationDrop{1, {1}}), "is not there"},
        {Forger().seal(1, 1, 0, {}), "is not there"},
        {Forger().region(1, "a").seal(1, 1, 4097, {{0, 1}}), "takes 2 pages, and has 1"},
        {Forger().region(1, "a").seal(1, 1, UINT64_MAX, {{0, 1}}), "and has 1"},
        {Forger().region(1, "a").seal(1, 1, 4096, {{1'000'000, 1}}), "do not lie in the pool"},
        {Forger().region(1, "a").seal(1, 1, 4096, {{UINT32_MAX, 1}}), "do not lie in the pool"},
        {Forger().region(1, "a").seal(1, 1, 0, {{0, 0}}), "do not lie in the pool"},
        {Forger().region(1, "a").seal(1, 1, 8192, {{0, 1}, {0, 1}}), "have an owner already"},
        {Forger().region(1, "a").region(2, "b").seal(1, 1, 8192, {{5, 2}}).seal(2, 1, 4096, {{6, 1}}),
         "have an owner already"},
        {Forger().region(1, "a").region(2, "b").seal(1, 1, 4096, {{5, 1}}).seal(2, 1, 8192, {{4, 2}}),
         "have an owner already"},
        {Forger().region(1, "a").seal(1, 1, 8192, {{5, 2}}).seal(1, 2, 8192, {{6, 1}, {6, 1}}),
         "named twice"},
        {Forger().region(1, "a").seal(1, 1, 8192, {{5, 2}}).seal(1, 2, 12288, {{5, 2}, {6, 1}}),
         "named twice"},
        {Forger().region(1, "a").log(1, 7, 1, {{5, 2}}).seal(1, 1, 4096, {{6, 1}}), "have an owner already"},
        {Forger().region(1, "a").seal(1, 1, 8192, {{5, 2}}).log(1, 7, 1, {{6, 1}}), "have an owner already"},
        {Forger().region(1, "a").log(1, 7, 1, {{6, 1}}).log(1, 7, 1, {{6, 1}}), "have an owner already"},
        {Forger().region(1, "a").log(1, 7, 1, {{6, 1}, {6, 1}}), "named twice"},
        {Forger().region(1, "a").log(1, 7, 1, {{UINT32_MAX, 2}}), "do not lie in the pool"},
        {Forger().region(1, "a").log(1, 7, 1, {}), "out of range"},
        {Forger().region(1, "a").log(1, 7, 0, {{1, 1}}), "out of range"},
        {Forger().region(1, "a").log(1, 0, 1, {{1, 1}}), "out of range"},
        {Forger().log(1, 7, 1, {{1, 1}}), "is not there"},
        {Forger().region(1, "a").log(1, 7, 1, {{1, 1}}).log(1, 8, 2, {{2, 1}}), "and has log"},
        {Forger().region(1, "a").log(1, 7, 2, {{1, 1}}).log(1, 7, 1, {{2, 1}}), "no step on"},
        {Forger().region(1, "a").log(1, 7, 2, {{1, 1}}).log(1, 7, 2, {}), "no step on"},
        {Forger().region(1, "a").log(1, 7, 2, {{1, 1}}).seal(1, 1, 0, {}).log(1, 7, 3, {}), "out of range"},
        {Forger().region(1, "a").add(Kind::generation_pin, format::GenerationPin{1, 1, 1}), "is not there"},
        {Forger().add(Kind::generation_pin, format::GenerationPin{1, 1, 1}), "is not there"},
        {Forger().region(1, "a").seal(1, 1, 0, {}).add(Kind::generation_pin, format::GenerationPin{1, 1, 2}),
         "pinned with 2"},
        {Forger().add(Kind::region_clear, format::RegionClear{1}), "is not there"},
        {Forger()
             .region(1, "a")
             .seal(1, 1, 0, {})
             .add(Kind::region_clear, format::RegionClear{1})
             .seal(1, 1, 0, {}),
         "should be at 2 or later"},
        {Forger().region(1, "a").add(Kind::cursor_put, format::CursorPut{1, 1, 0, "b"}), "the next one is 1"},
        {Forger().region(1, "a").add(Kind::cursor_put, format::CursorPut{1, 0, UINT64_MAX, "b"}), "cursor b"},
        {Forger().region(1, "a").add(Kind::cursor_put, format::CursorPut{1, 0, 0, "no one"}), "contradicts"},
        {Forger().add(Kind::cursor_put, format::CursorPut{1, 0, 0, "b"}), "is not there"},
        {Forger().region(1, "a").add(Kind::cursor_drop, format::CursorDrop{1, "b"}), "is not there"},
        {Forger()
             .region(1, "a")
             .seal(1, 1, 0, {})
             .add(Kind::generation_drop, format::GenerationDrop{1, {1, 1}}),
         "is not there"},
        {put({1, 1, UINT64_MAX, 0, 0, 1, "a", "alice"}), "out of range"},
        {put({1, 1, 1, 0, 0, 1, "a", "alice", -1}), "out of range"},
        {Forger().add_raw(Kind::generation_pin, {}), "bytes left"},
        {Forger().add_raw(Kind::region_clear, {}), "bytes left"},
        {Forger().add_raw(Kind::log_grow, {}), "bytes left"},
        {Forger().add_raw(Kind::cursor_put, {}), "bytes left"},
        {Forger().add_raw(Kind::cursor_drop, {}), "bytes left"},
        {Forger().region(1, "a").seal(1, 2, 0, {}).seal(1, 2, 0, {}), "should be at 3 or later"},
        {Forger().region(1, "a").seal(1, 2, 0, {}).seal(1, 1, 0, {}), "should be at 3 or later"},
        {Forger().region(1, "a").seal(1, 0, 0, {}), "out of range"},
        {Forger().region(1, "a").seal(1, UINT64_MAX, 0, {}), "out of range"},
        {Forger().region(1, "a").seal(1, 1, 0, {}).seal(1, 2, 0, {}, {3}), "is not there"},
        {Forger().region(1, "a").seal(1, 1, 0, {}).seal(1, 2, 0, {}, {1, 1}), "is not there"},
        {sealed({1, 1, 0, 0, 1, 0, 0, "alice", {}, {}}), "out of range"},
        {sealed({1, 1, 0, 0, 1, 0, 9, "alice", {}, {}}), "out of range"},
        {sealed({1, 1, 0, 0, 2, 0, 1, "alice", {}, {}}), "out of range"},
        {sealed({1, 1, 0, 0, 1, 0, 1, "", {}, {}}), "contradicts"},
        {Forger().add_raw(Kind::region_put, {}), "bytes left"},
        {Forger().add_raw(Kind::generation_seal, {}), "bytes left"},
    };
    for (const auto& [forger, why] : lies) {
        const auto message = test::error(test::open_image(forger.image()), EUCLEAN);
        test::contains(message, why);
        test::contains(message, "at byte ");
    }
}

void dropped_generations_free_their_pages() {
    auto forger = Forger().region(1, "a").seal(1, 1, 8192, {{5, 2}}).seal(1, 2, 4096, {{9, 1}});
    forger.add(format::Kind::generation_drop, format::GenerationDrop{1, {2}}).seal(1, 3, 4096, {{9, 1}});
    const auto pool = test::ok(test::open_image(forger.image()));
    const auto info = test::ok(pool->find_region("a"));
    CHECK(info.generations == 2 && info.newest == 3 && info.bytes == 12288);
    test::error(pool->open_generation("a", 2), ENOENT);
    test::equal(pool->info().free_pages, pool->info().pages - 3);
}

/// Of a clone whose base is gone: its pages are free for a moment, and then are the clone's.
void shared_pages_are_counted() {
    auto forger = Forger().region(1, "a").seal(1, 1, 8192, {{5, 2}}).seal(1, 2, 12288, {{5, 2}, {9, 1}}, {1});
    forger.seal(1, 3, 8192, {{6, 1}, {10, 1}});
    auto pool = test::ok(test::open_image(forger.image()));
    test::equal(pool->info().free_pages, pool->info().pages - 4);
    forger.add(format::Kind::generation_drop, format::GenerationDrop{1, {2, 3}});
    forger.region(2, "b").seal(2, 1, 8192, {{5, 2}}).seal(1, 4, 16384, {{7, 4}});
    pool = test::ok(test::open_image(forger.image()));
    test::equal(pool->info().free_pages, pool->info().pages - 6);
    forger.seal(1, 5, 4096, {{6, 1}});
    test::contains(test::error(test::open_image(forger.image()), EUCLEAN), "have an owner already");
}

/// What lies on a log's pages is anybody's who may append: looking at it ends at what is not good.
void hostile_log_pages() {
    auto image = Forger().region(1, "a").log(1, 7, 1, {{0, 1}, {9, 3}}).image();
    const auto pages = superblock_of(image).pages_offset;
    for (int round = 0; round < 300; ++round) {
        format::LogRecordHeader header;
        header.magic = format::kLogRecordMagic;
        header.log_id = 7;
        header.sequence = 1;
        header.epoch = 1;
        header.term = 1;
        auto& random = test::generator();
        const std::uint64_t lengths[] = {
            0, 1, 16336, 16337, format::kMaximumLogPayload, UINT64_MAX - 47, random()};
        header.length = lengths[round % std::size(lengths)];
        if (round % 2 == 1)
            header.crc32c = format::log_record_crc(header, std::vector<std::byte>(1));
        std::memcpy(image.data() + pages, &header, sizeof header);
        const auto pool = test::ok(test::open_image(image));
        const bool good = header.length == 1 && round % 2 == 1;
        test::equal(test::ok(pool->read_log("a")).log.records, std::uint64_t{good});
    }
}

void later_kinds_are_not_guessed_at() {
    const auto forger = Forger().region(1, "a").add_raw(static_cast<format::Kind>(77), {});
    const auto message = test::error(test::open_image(forger.image()), EPROTONOSUPPORT);
    test::contains(message, "kind 77");
    test::contains(message, "newer");
    auto image = Forger().region(1, "a").image();
    const auto superblock = superblock_of(image);
    const auto half = std::span(image).subspan(superblock.half_offset[0], superblock.half_size);
    half[22] = std::byte{2};  // the kind's version
    const format::MacKey key(test::pool_key(), superblock.uuid);
    test::sign_record(half.first(format::claimed_length(half, 0)), format::journal_seed(superblock, 1, &key));
    test::contains(test::error(test::open_image(image), EPROTONOSUPPORT), "version 2");
}

void another_format_is_not_touched() {
    auto image = test::fresh_image();
    auto superblock = superblock_of(image);
    superblock.major = 2;
    superblock.sequence = 5;
    const auto bytes = test::encode(superblock);
    std::copy(bytes.begin(), bytes.end(), image.begin());
    const auto tape = test::make_tape(image);
    test::error(test::open_tape(tape), EPROTONOSUPPORT);
    CHECK(tape->stored == image && tape->persists == 0);
}

void a_hostile_half_takes_no_time() {
    auto image = test::fresh_image();
    const auto superblock = superblock_of(image);
    const format::MacKey key(test::pool_key(), superblock.uuid);
    const auto seed = format::journal_seed(superblock, 99, &key);
    // Each 40 bytes claim to be a record with a high sequence that reaches to the half's end.
    for (std::uint64_t at = 0; at + 40 <= superblock.half_size; at += 40) {
        auto record = format::frame_record(seed, 1000 + at, format::Kind::region_drop, {});
        const auto length = static_cast<std::uint32_t>((superblock.half_size - at) / 8 * 8);
        std::memcpy(record.data() + 16, &length, sizeof length);
        std::copy(record.begin(), record.end(),
                  image.begin() + static_cast<std::ptrdiff_t>(superblock.half_offset[0] + at));
    }
    test::contains(test::error(test::open_image(image), EUCLEAN), "full of damaged records");
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each torn tail is a notice
    return test::run("pool_damage",
                     {{"flipped_bytes_in_metadata", flipped_bytes_in_metadata},
                      {"rot_in_the_middle_says_where", rot_in_the_middle_says_where},
                      {"overwritten_blocks", overwritten_blocks},
                      {"cut_short_at_any_length", cut_short_at_any_length},
                      {"valid_checksums_over_lies", valid_checksums_over_lies},
                      {"dropped_generations_free_their_pages", dropped_generations_free_their_pages},
                      {"shared_pages_are_counted", shared_pages_are_counted},
                      {"hostile_log_pages", hostile_log_pages},
                      {"later_kinds_are_not_guessed_at", later_kinds_are_not_guessed_at},
                      {"another_format_is_not_touched", another_format_is_not_touched},
                      {"a_hostile_half_takes_no_time", a_hostile_half_takes_no_time}});
}
