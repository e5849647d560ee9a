// time-limit: 240
// Media that somebody changed who can write there and has not the manager's key: each byte of a superblock
// and of a journal record changed, records added and put back in another place, every checksum mended. With
// the key it is EKEYREJECTED, and nothing on the medium is changed; without it nobody could tell.
#include <algorithm>
#include <cerrno>

#include "lib/base/log.hh"
#include "lib/format/record.hh"
#include "lib/pool/check.hh"
#include "lib/pool/recovery.hh"
#include "lib/pool/rescue.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_history.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Base;
using test::History;
using test::Image;
using test::Tape;

const History& history() {
    static const History all = test::live_through_three_halves();
    return all;
}

/// A medium that is changed and put right again, with what is known of it.
class Forgery {
public:
    explicit Forgery(const Base& base)
        : tape_(std::make_shared<Tape>(base.image, false)),
          superblock_(test::newest_superblock(base.image)),
          seed_(format::journal_seed(superblock_, superblock_.first_sequence)),
          records_(test::records_in_half(base.image, superblock_, superblock_.active_half)) {}

    std::span<std::byte> superblock(unsigned slot) {
        return std::span(tape_->stored).subspan(format::kSuperblockOffset[slot], format::kSuperblockBytes);
    }
    std::span<std::byte> record(const test::PlacedRecord& record) {
        return std::span(tape_->stored).subspan(record.at, record.length);
    }
    /// From there to the half's end.
    std::span<std::byte> half(std::uint64_t at) {
        const auto start = superblock_.half_offset[superblock_.active_half];
        return std::span(tape_->stored).subspan(at, start + superblock_.half_size - at);
    }
    const std::vector<test::PlacedRecord>& records() const { return records_; }
    const format::JournalSeed& seed() const { return seed_; }
    bool in_snapshot(const test::PlacedRecord& record) const {
        return record.sequence - superblock_.first_sequence < superblock_.snapshot_records;
    }
    std::uint64_t looks() const { return looks_; }

    /// With the checksum mended, as long as it claims to be; false when it can't be as long.
    bool mend_record(std::uint64_t at) {
        const auto length = format::claimed_length(half(at), 0);
        if (length >= format::kRecordHeaderBytes)
            test::mend_record(half(at).first(length), seed_);
        return length >= format::kRecordHeaderBytes;
    }
    void is_rejected(const std::string& part);
    void is_told_by_check(const std::string& part);
    void is_rescued_up_to(const test::PlacedRecord& record);

private:
    std::shared_ptr<Tape> tape_;
    format::Superblock superblock_;
    format::JournalSeed seed_;
    std::vector<test::PlacedRecord> records_;
    std::uint64_t looks_ = 0;
};

void Forgery::is_rejected(const std::string& part) {
    ++looks_;
    const auto persists = tape_->persists;
    test::contains(test::error(test::open_tape(tape_), EKEYREJECTED), part);
    CHECK(tape_->persists == persists);
}

void Forgery::is_told_by_check(const std::string& part) {
    const CheckProgress silent{[](std::uint64_t) {}, [](std::uint64_t) {}};
    const auto report = test::ok(check(test::RecordingMedium(tape_), &test::pool_key(), silent));
    CHECK(std::ranges::any_of(report.findings, [&](const Finding& finding) {
        return finding.severity == Severity::damage && finding.message.find(part) != std::string::npos;
    }));
}

/// The records before it count, and no more.
void Forgery::is_rescued_up_to(const test::PlacedRecord& record) {
    const auto rescued = rescue(test::RecordingMedium(tape_), &test::pool_key());
    if (!rescued) {
        CHECK(record.sequence == 1);  // there is nothing before it
        return;
    }
    CHECK(rescued->refused && rescued->refused->code == EKEYREJECTED);
    const auto next = in_snapshot(record) ? superblock_.first_sequence : record.sequence;
    test::equal(rescued->recovered.position.next_sequence, next);
}

constexpr const char* kNotByAManager = "was not written by a manager with the pool's key";

void forge_superblocks(Forgery& forgery) {
    constexpr std::uint64_t kVersionAt = 12, kMinorAt = 14, kManagerKeyAt = 136, kFormerKeyAt = 168;
    constexpr std::uint64_t kReservedAt = 232;
    for (unsigned slot = 0; slot < 2; ++slot) {
        const auto copy = forgery.superblock(slot);
        for (std::uint64_t at = kMinorAt; at < format::kSuperblockBytes; at += at < kReservedAt ? 1 : 97) {
            copy[at] ^= std::byte{1};
            test::mend_superblock(copy);
            const bool in_key = at >= kManagerKeyAt && at < kFormerKeyAt;
            forgery.is_rejected(in_key ? "names another manager key" : kNotByAManager);
            if (at % 16 == 0)
                forgery.is_told_by_check("were not written by a manager with the key");
            copy[at] ^= std::byte{1};
            test::mend_superblock(copy);
        }
        // All zeros, as the field for the key before is when no key is being changed.
        const std::vector<std::byte> kept(copy.begin(), copy.end());
        std::ranges::fill(copy.subspan(kManagerKeyAt, kFormerKeyAt - kManagerKeyAt), std::byte{0});
        test::mend_superblock(copy);
        forgery.is_rejected("names another manager key");
        std::ranges::copy(kept, copy.begin());
        static_assert(kVersionAt == 12);  // of another version nothing is known: pool_pasted_media_test
    }
}

void forge_records(Forgery& forgery) {
    for (const auto& record : forgery.records()) {
        const auto bytes = forgery.record(record);
        const std::vector<std::byte> kept(bytes.begin(), bytes.end());
        for (std::uint64_t at = 8; at < record.length; ++at) {
            bytes[at] ^= std::byte{8};
            if (forgery.mend_record(record.at)) {
                forgery.is_rejected(fmt::format("at byte {} of the journal {}", record.at, kNotByAManager));
                if (at % 64 == 8) {
                    forgery.is_told_by_check(kNotByAManager);
                    forgery.is_rescued_up_to(record);
                }
            }
            std::ranges::copy(kept, bytes.begin());
        }
    }
}

void every_byte_changed_and_its_checksum_mended() {
    for (const auto& base : history().bases) {
        Forgery forgery(base);
        forge_superblocks(forgery);
        forge_records(forgery);
        fmt::print("{}: {} forgeries, all rejected\n", base.name, forgery.looks());
        CHECK(forgery.looks() > 500);
    }
}

/// Behind the last one, as long as there is one more, by the checksum: no torn tail.
void a_record_added_by_somebody_else() {
    for (const auto& base : history().bases) {
        Forgery forgery(base);
        const auto& last = forgery.records().back();
        const auto at = last.at + last.length;
        const format::MacKey other(test::key_of(8), test::newest_superblock(base.image).uuid);
        auto seed = forgery.seed();
        seed.key = &other;
        const auto record = format::frame_record(seed, last.sequence + 1, format::Kind::region_drop,
                                                 format::encode(format::RegionDrop{1}));
        std::ranges::copy(record, forgery.half(at).begin());
        forgery.is_rejected(
            fmt::format("record {} at byte {} of the journal {}", last.sequence + 1, at, kNotByAManager));
        if (forgery.in_snapshot(last))
            continue;  // then its number tells that one is missing
        // And behind one that is torn.
        forgery.half(last.at)[last.length - 1] ^= std::byte{1};
        forgery.is_rejected(
            fmt::format("record {} at byte {} of the journal {}", last.sequence + 1, at, kNotByAManager));
    }
}

/// Whole as they were written, in another order: what the manager wrote in one place says nothing in another.
void records_in_each_others_places() {
    Forgery forgery(history().bases.back());
    const auto& records = forgery.records();
    const auto same = std::ranges::adjacent_find(records, [&](const auto& a, const auto& b) {
        return a.length == b.length && !forgery.in_snapshot(a);
    });
    CHECK(same != records.end());
    std::ranges::swap_ranges(forgery.record(same[0]), forgery.record(same[1]));
    // They have the sequences of their own places.
    constexpr std::size_t kSequenceAt = 8;
    std::swap_ranges(forgery.record(same[0]).begin() + kSequenceAt,
                     forgery.record(same[0]).begin() + kSequenceAt + 8,
                     forgery.record(same[1]).begin() + kSequenceAt);
    CHECK(forgery.mend_record(same[0].at) && forgery.mend_record(same[1].at));
    forgery.is_rejected(kNotByAManager);
}

/// The other half is not looked at but for its beginning, where a newer state may be.
void a_newer_state_made_up_in_the_other_half() {
    const auto& base = history().bases.back();
    const auto superblock = test::newest_superblock(base.image);
    auto image = base.image;
    const format::MacKey other(test::key_of(8), superblock.uuid);
    const auto next = history().moments[base.moment].next_sequence;
    const auto seed = format::journal_seed(superblock, next + 1, &other);
    std::vector<std::byte> records;
    for (std::uint64_t sequence = next + 1; sequence < next + 4; ++sequence) {
        const auto record = format::frame_record(seed, sequence, format::Kind::region_drop,
                                                 format::encode(format::RegionDrop{sequence}));
        records.insert(records.end(), record.begin(), record.end());
    }
    std::ranges::copy(records, image.begin() + static_cast<std::ptrdiff_t>(
                                                   superblock.half_offset[1 - superblock.active_half]));
    test::contains(test::error(test::open_image(image), EKEYREJECTED), kNotByAManager);
}

/// All of it written with another key: it is that one's pool, and not this one's.
void another_keys_pool_is_not_opened() {
    const auto& image = history().bases.back().image;
    const auto other = test::key_of(8);
    const auto tape = std::make_shared<Tape>(image, false);
    test::contains(
        test::error(Pool::open(std::make_unique<test::RecordingMedium>(tape), other), EKEYREJECTED),
        "names another manager key");
    CHECK(tape->stored == image && tape->persists == 0);
    // With the other key's public part in the superblocks, and their checksums mended.
    for (unsigned slot = 0; slot < 2; ++slot) {
        const auto copy =
            std::span(tape->stored).subspan(format::kSuperblockOffset[slot], format::kSuperblockBytes);
        const auto open = public_key(other);
        std::memcpy(copy.data() + 136, open.data(), open.size());
        test::mend_superblock(copy);
    }
    test::contains(
        test::error(Pool::open(std::make_unique<test::RecordingMedium>(tape), other), EKEYREJECTED),
        kNotByAManager);
    test::contains(test::error(test::open_tape(tape), EKEYREJECTED), "names another manager key");
    CHECK(tape->persists == 0);
}

/// By their checksums alone.
void without_a_key_it_is_read_all_the_same() {
    const auto& base = history().bases.back();
    Forgery forgery(base);
    const auto& image = base.image;
    const auto tape = std::make_shared<Tape>(image, false);
    const auto recovered = test::ok(recover(test::RecordingMedium(tape), nullptr));
    test::equal(test::tables_of(recovered.catalog), history().moments[base.moment].tables);
    CHECK(!recovered.position.key && tape->stored == image);
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each torn tail is a notice
    return test::run(
        "pool_forged_media",
        {{"every_byte_changed_and_its_checksum_mended", every_byte_changed_and_its_checksum_mended},
         {"a_record_added_by_somebody_else", a_record_added_by_somebody_else},
         {"records_in_each_others_places", records_in_each_others_places},
         {"a_newer_state_made_up_in_the_other_half", a_newer_state_made_up_in_the_other_half},
         {"another_keys_pool_is_not_opened", another_keys_pool_is_not_opened},
         {"without_a_key_it_is_read_all_the_same", without_a_key_it_is_read_all_the_same}});
}
