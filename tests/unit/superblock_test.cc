#include "lib/format/superblock.hh"

#include <array>
#include <cerrno>
#include <cstring>

#include "lib/format/layout.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::format;

namespace {

Superblock sample() {
    const auto layout = test::ok(plan_layout(16 * kMiB, 4 * kKiB));
    Superblock superblock;
    superblock.sequence = 9;
    superblock.uuid = {1, 2, 3};
    superblock.created_ns = -5;
    superblock.pool_size = 16 * kMiB;
    superblock.page_size = 4 * kKiB;
    superblock.pages_offset = layout.pages_offset;
    superblock.page_count = layout.page_count;
    superblock.half_offset = {kJournalOffset, kJournalOffset + layout.journal_half_bytes};
    superblock.half_size = layout.journal_half_bytes;
    superblock.active_half = 1;
    superblock.first_sequence = 77;
    superblock.snapshot_records = 3;
    superblock.next_region_id = 5;
    superblock.manager_key = public_key(test::pool_key());
    superblock.former_key.fill(0xcd);
    return superblock;
}

Status check_sample(const Superblock& superblock) {
    return check(superblock, 16 * kMiB, "pool");
}

void comes_back_as_it_was_written() {
    const auto bytes = test::encode(sample());
    const auto reading = read_superblock(bytes);
    CHECK(reading.state == SuperblockState::valid);
    CHECK(test::encode(reading.superblock) == bytes);
    test::equal(reading.superblock.created_ns, std::int64_t{-5});
    test::equal(reading.superblock.first_sequence, std::uint64_t{77});
    test::ok(check_sample(reading.superblock));
}

void lies_where_the_format_page_says() {
    const auto bytes = test::encode(sample());
    CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), 8) == "PMEMCKPT");
    CHECK(bytes[12] == std::byte{1} && bytes[13] == std::byte{0});  // major, little-endian
    CHECK(bytes[16] == std::byte{9} && bytes[24] == std::byte{1});
    CHECK(bytes[112] == std::byte{77} && bytes[168] == std::byte{0xcd} && bytes[199] == std::byte{0xcd});
    const auto open = public_key(test::pool_key());
    CHECK(std::memcmp(bytes.data() + 136, open.data(), open.size()) == 0);
    std::array<std::uint8_t, 32> mac;
    const auto whole = std::span<const std::byte>(bytes);
    MacKey(test::pool_key(), sample().uuid)
        .compute({whole.first(8), whole.first(200).subspan(12), whole.subspan(232)}, mac);
    CHECK(std::memcmp(bytes.data() + 200, mac.data(), mac.size()) == 0);
}

/// Whatever is changed, and the checksum mended: the key shows it, and nothing else does.
void each_forged_bit_is_noticed() {
    auto bytes = test::encode(sample());
    CHECK(read_superblock(bytes, &test::pool_key()).state == SuperblockState::valid);
    for (std::size_t at = 12; at < bytes.size(); ++at) {
        bytes[at] ^= std::byte{0x10};
        test::mend_superblock(bytes);
        CHECK(read_superblock(bytes).state == SuperblockState::valid);
        CHECK(read_superblock(bytes, &test::pool_key()).state == SuperblockState::forged);
        bytes[at] ^= std::byte{0x10};
    }
}

void another_key_is_not_the_pools() {
    const auto other = test::key_of(8);
    const auto bytes = test::encode(sample(), other);
    CHECK(read_superblock(bytes).state == SuperblockState::valid);
    CHECK(read_superblock(bytes, &other).state == SuperblockState::valid);
    CHECK(read_superblock(bytes, &test::pool_key()).state == SuperblockState::forged);
    // The public key of the right one, pasted in.
    auto pasted = bytes;
    const auto open = public_key(test::pool_key());
    std::memcpy(pasted.data() + 136, open.data(), open.size());
    test::mend_superblock(pasted);
    CHECK(read_superblock(pasted, &test::pool_key()).state == SuperblockState::forged);
    CHECK(read_superblock(pasted, &other).state == SuperblockState::forged);
}

/// Of two copies of a change that was cut, and of nothing else.
void the_copy_before_a_change_of_key_is_known() {
    auto other = sample(), newest = sample();
    other.manager_key = public_key(test::key_of(8));
    newest.former_key = other.manager_key;
    newest.sequence = other.sequence + 1;
    CHECK(is_before_change_of_key(other, newest) && !is_before_change_of_key(newest, other));
    auto later = other;
    later.sequence = newest.sequence;
    CHECK(!is_before_change_of_key(later, newest));
    other.manager_key = newest.former_key = {};
    CHECK(!is_before_change_of_key(other, newest));
}

void each_flipped_bit_is_noticed() {
    auto bytes = test::encode(sample());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        bytes[at] ^= std::byte{0x10};
        CHECK(read_superblock(bytes).state != SuperblockState::valid);
        bytes[at] ^= std::byte{0x10};
    }
    CHECK(read_superblock(std::span(bytes).first(4095)).state == SuperblockState::damaged);
    CHECK(read_superblock(std::span(bytes).first(7)).state == SuperblockState::foreign);
}

void another_major_version_is_named() {
    auto superblock = sample();
    superblock.major = 2;
    const auto reading = read_superblock(test::encode(superblock));
    CHECK(reading.state == SuperblockState::valid);
    const auto message = test::error(check_sample(reading.superblock), EPROTONOSUPPORT);
    test::contains(message, "format 2");
    test::contains(message, "format 1");
    superblock = sample();
    superblock.minor = 9;
    test::ok(check_sample(superblock));
}

void a_short_medium_gives_both_sizes() {
    const auto message = test::error(check(sample(), 1234567, "pool"), EUCLEAN);
    test::contains(message, "1234567");
    test::contains(message, "16777216");
}

void contradicting_fields_are_refused() {
    const std::vector<std::function<void(Superblock&)>> lies = {
        [](Superblock& s) { s.page_size = 4095; },
        [](Superblock& s) { s.page_size = 2 * kGiB; },
        [](Superblock& s) { s.page_size = 0; },
        [](Superblock& s) { s.page_count += 1; },
        [](Superblock& s) { s.page_count = 0; },
        [](Superblock& s) { s.page_count = UINT64_MAX; },
        [](Superblock& s) { s.pages_offset += 1; },
        [](Superblock& s) { s.pages_offset = 0; },
        [](Superblock& s) { s.pages_offset = UINT64_MAX - 4095; },
        [](Superblock& s) { s.half_offset[0] = 0; },
        [](Superblock& s) { s.half_offset[1] = s.half_offset[0]; },
        [](Superblock& s) { s.half_offset[1] = UINT64_MAX - 4095; },
        [](Superblock& s) { s.half_size = UINT64_MAX - 4095; },
        [](Superblock& s) { s.half_size = 4096; },
        [](Superblock& s) { s.active_half = 2; },
        [](Superblock& s) { s.first_sequence = UINT64_MAX; },
        [](Superblock& s) { s.snapshot_records = UINT64_MAX; },
        [](Superblock& s) { s.sequence = UINT64_MAX; },
        [](Superblock& s) { s.next_region_id = 0; },
    };
    for (const auto& lie : lies) {
        auto superblock = sample();
        lie(superblock);
        test::error(check_sample(superblock), EUCLEAN);
    }
}

void layouts_leave_room_for_pages() {
    const auto smallest = test::ok(plan_layout(16 * kMiB, 2 * kMiB));
    test::equal(smallest.page_count, std::uint64_t{7});
    test::equal(smallest.pages_offset, 2 * kMiB);
    const auto largest = test::ok(plan_layout(16 * kTiB, 2 * kMiB));
    CHECK(largest.page_count > 8'380'000);
    CHECK(largest.journal_half_bytes >= largest.page_count * kJournalBytesPerPage + kJournalBytesAtLeast);
    const auto finest = test::ok(plan_layout(16 * kTiB, 4 * kKiB));
    CHECK(finest.page_count <= kMaximumPages);
    CHECK(finest.pages_offset + finest.page_count * 4 * kKiB <= 16 * kTiB);
    test::contains(test::error(plan_layout(16 * kMiB, kGiB), ERANGE), "2.0 GiB");
}

}  // namespace

int main() {
    return test::run("superblock",
                     {{"comes_back_as_it_was_written", comes_back_as_it_was_written},
                      {"lies_where_the_format_page_says", lies_where_the_format_page_says},
                      {"each_flipped_bit_is_noticed", each_flipped_bit_is_noticed},
                      {"each_forged_bit_is_noticed", each_forged_bit_is_noticed},
                      {"another_key_is_not_the_pools", another_key_is_not_the_pools},
                      {"the_copy_before_a_change_of_key_is_known", the_copy_before_a_change_of_key_is_known},
                      {"another_major_version_is_named", another_major_version_is_named},
                      {"a_short_medium_gives_both_sizes", a_short_medium_gives_both_sizes},
                      {"contradicting_fields_are_refused", contradicting_fields_are_refused},
                      {"layouts_leave_room_for_pages", layouts_leave_room_for_pages}});
}
