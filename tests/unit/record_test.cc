#include "lib/format/record.hh"

#include <algorithm>
#include <cerrno>

#include "tests/support/check.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::format;

namespace {

Superblock superblock_of(const Uuid& uuid) {
    Superblock superblock;
    superblock.uuid = uuid;
    superblock.manager_key = public_key(test::pool_key());
    return superblock;
}
const Superblock kPool = superblock_of({9, 8, 7});
const MacKey kKey(test::pool_key(), kPool.uuid);

GenerationSeal sample_seal() {
    return {3, 14, 8193, -6, 5, 0xdeadbeef, 2, "someone", {{7, 1}, {2, 2}}, {11, 13}};
}

void records_verify_by_place_and_pool() {
    const auto seed = journal_seed(kPool, 40, &kKey);
    const auto body = encode(sample_seal());
    const auto record = frame_record(seed, 41, Kind::generation_seal, body);
    test::equal(record.size(), record_bytes(body.size()));
    test::equal(record.size() % kRecordAlignment, std::size_t{0});
    const auto view = read_record(seed, record, 0);
    CHECK(view && view->sequence == 41 && view->length == record.size() && view->kind == 3 &&
          view->version == 1);
    CHECK(read_record(seed.without_key(), record, 0));
    // Another pool's record, one of another manager key, and one of an earlier use of the half: without a
    // key, too.
    auto rekeyed = kPool;
    rekeyed.manager_key = public_key(test::key_of(8));
    for (const auto* key : {&kKey, static_cast<const MacKey*>(nullptr)}) {
        CHECK(!read_record(journal_seed(superblock_of({1}), 40, key), record, 0));
        CHECK(!read_record(journal_seed(rekeyed, 40, key), record, 0));
        CHECK(!read_record(journal_seed(kPool, 39, key), record, 0));
    }
    CHECK(!is_forged_record(journal_seed(kPool, 39, &kKey), record, 0));
}

/// Whatever is changed, and the checksum mended: the key shows it, and nothing else does.
void each_forged_byte_is_noticed() {
    const auto seed = journal_seed(kPool, 40, &kKey);
    auto record = frame_record(seed, 41, Kind::generation_seal, encode(sample_seal()));
    CHECK(!is_forged_record(seed, record, 0));
    for (std::size_t at = 8; at < record.size(); ++at) {
        if (at >= 16 && at < 20)
            continue;  // its length: then it is another record, or none
        record[at] ^= std::byte{1};
        test::mend_record(record, seed);
        CHECK(read_record(seed.without_key(), record, 0) && !is_forged_record(seed.without_key(), record, 0));
        CHECK(!read_record(seed, record, 0) && is_forged_record(seed, record, 0));
        record[at] ^= std::byte{1};
    }
    test::mend_record(record, seed);
    CHECK(read_record(seed, record, 0));
}

void another_keys_record_is_forged() {
    const MacKey other(test::key_of(8), kPool.uuid), of_other_pool(test::pool_key(), Uuid{1});
    for (const auto* key : {&other, &of_other_pool}) {
        auto record =
            frame_record(journal_seed(kPool, 40, key), 41, Kind::region_drop, encode(RegionDrop{4}));
        CHECK(read_record(journal_seed(kPool, 40, key), record, 0));
        CHECK(is_forged_record(journal_seed(kPool, 40, &kKey), record, 0));
    }
}

void lies_where_the_format_page_says() {
    const auto seed = journal_seed(kPool, 40, &kKey);
    const auto record = frame_record(seed, 41, Kind::region_drop, encode(RegionDrop{4}));
    auto signed_anew = record;
    std::fill_n(signed_anew.begin() + 24, 16, std::byte{0});
    test::sign_record(signed_anew, seed);
    CHECK(signed_anew == record && record.size() == 48 && record[40] == std::byte{4});
}

void each_flipped_byte_is_noticed() {
    const auto seed = journal_seed(kPool, 1, &kKey);
    auto record = frame_record(seed, 1, Kind::generation_seal, encode(sample_seal()));
    for (auto& byte : record) {
        byte ^= std::byte{1};
        CHECK(!read_record(seed, record, 0));
        byte ^= std::byte{1};
    }
    for (std::size_t size = 0; size < record.size(); ++size)
        CHECK(!read_record(seed, std::span(record).first(size), 0));
    CHECK(!read_record(seed, record, 8) && !read_record(seed, record, UINT64_MAX));
    CHECK(read_record(seed, record, 0));
}

void bodies_come_back() {
    const RegionPut put{5, 6, 7, 8, -9, 10, "team/app", "owner", 11};
    const auto put_back = test::ok(decode_region_put(encode(put)));
    CHECK(encode(put_back) == encode(put) && put_back.name == "team/app" && put_back.created_ns == -9);
    test::equal(put_back.keep_age_ns, std::int64_t{11});
    const auto seal_back = test::ok(decode_generation_seal(encode(sample_seal())));
    CHECK(encode(seal_back) == encode(sample_seal()) && seal_back.extents == sample_seal().extents);
    CHECK(seal_back.dropped == sample_seal().dropped && seal_back.writer == "someone");
    test::equal(test::ok(decode_region_drop(encode(RegionDrop{4}))).id, std::uint64_t{4});
    const auto drop = test::ok(decode_generation_drop(encode(GenerationDrop{4, {6, 9}})));
    CHECK(drop.region_id == 4 && drop.numbers == std::vector<std::uint64_t>({6, 9}));
    const auto pin = test::ok(decode_generation_pin(encode(GenerationPin{4, 6, 1})));
    CHECK(pin.region_id == 4 && pin.number == 6 && pin.pinned == 1);
    test::equal(test::ok(decode_region_clear(encode(RegionClear{4}))).id, std::uint64_t{4});
    const auto grow = test::ok(decode_log_grow(encode(LogGrow{4, 5, 6, {{7, 8}, {9, 1}}})));
    CHECK(grow.region_id == 4 && grow.log_id == 5 && grow.term == 6);
    CHECK(grow.extents == (std::vector<PageExtent>{{7, 8}, {9, 1}}));
    const auto cursor = test::ok(decode_cursor_put(encode(CursorPut{4, 5, 6, "backup"})));
    CHECK(cursor.region_id == 4 && cursor.generation == 5 && cursor.sequence == 6 && cursor.name == "backup");
    const auto gone = test::ok(decode_cursor_drop(encode(CursorDrop{4, "backup"})));
    CHECK(gone.region_id == 4 && gone.name == "backup");
}

void bodies_of_the_wrong_size_are_refused() {
    const auto seal = encode(sample_seal());
    const auto put = encode(RegionPut{1, 1, 1, 0, 0, 1, "a", "b"});
    for (std::size_t size = 0; size < seal.size(); ++size)
        test::error(decode_generation_seal(std::span(seal).first(size)), EUCLEAN);
    for (std::size_t size = 0; size < put.size(); ++size)
        test::error(decode_region_put(std::span(put).first(size)), EUCLEAN);
    const auto log = encode(LogGrow{1, 2, 3, {{4, 5}}});
    for (std::size_t size = 0; size < log.size(); ++size)
        test::error(decode_log_grow(std::span(log).first(size)), EUCLEAN);
    const auto drop = encode(GenerationDrop{1, {2}});
    for (std::size_t size = 0; size < drop.size(); ++size)
        test::error(decode_generation_drop(std::span(drop).first(size)), EUCLEAN);
    const auto cursor = encode(CursorPut{1, 2, 3, "name"});
    for (std::size_t size = 0; size < cursor.size(); ++size)
        test::error(decode_cursor_put(std::span(cursor).first(size)), EUCLEAN);
    auto longer = seal;
    longer.push_back(std::byte{1});
    test::contains(test::error(decode_generation_seal(longer), EUCLEAN), "padding");
    longer.resize(seal.size() + 8);
    test::contains(test::error(decode_generation_seal(longer), EUCLEAN), "too many");
}

void enormous_counts_allocate_nothing() {
    auto body = encode(sample_seal());
    for (const std::size_t field : {44U, 48U}) {  // extents, dropped numbers
        auto lie = body;
        for (std::size_t byte = 0; byte < 4; ++byte)
            lie[field + byte] = std::byte{0xff};
        test::error(decode_generation_seal(lie), EUCLEAN);
    }
    auto drop = encode(GenerationDrop{1, {2}});
    std::fill_n(drop.begin() + 8, 4, std::byte{0xff});
    test::error(decode_generation_drop(drop), EUCLEAN);
    auto log = encode(LogGrow{1, 2, 3, {{4, 5}}});
    std::fill_n(log.begin() + 20, 4, std::byte{0xff});
    test::error(decode_log_grow(log), EUCLEAN);
}

void a_page_of_its_own_fits_the_journals_share() {
    GenerationSeal worst = sample_seal();
    worst.writer.assign(64, 'w');
    worst.extents = {{1, 1}};
    worst.dropped.clear();
    test::equal(record_bytes(encode(worst).size()), std::uint64_t{168});
}

}  // namespace

int main() {
    return test::run(
        "record", {{"records_verify_by_place_and_pool", records_verify_by_place_and_pool},
                   {"each_flipped_byte_is_noticed", each_flipped_byte_is_noticed},
                   {"each_forged_byte_is_noticed", each_forged_byte_is_noticed},
                   {"another_keys_record_is_forged", another_keys_record_is_forged},
                   {"lies_where_the_format_page_says", lies_where_the_format_page_says},
                   {"bodies_come_back", bodies_come_back},
                   {"bodies_of_the_wrong_size_are_refused", bodies_of_the_wrong_size_are_refused},
                   {"enormous_counts_allocate_nothing", enormous_counts_allocate_nothing},
                   {"a_page_of_its_own_fits_the_journals_share", a_page_of_its_own_fits_the_journals_share}});
}
