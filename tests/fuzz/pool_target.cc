// A pool's metadata as anything may have left it: opened, used on, checked, rescued, read out and repaired.
//
// input: settings; the two superblocks; what the two halves of the journal begin with, each behind its
// length; what the pages begin with. Settings: what is done, for all of it takes long; whether a repair may
// go back; the medium is cut short by so many times kCutBytes.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/format/record.hh"
#include "lib/pool/contents.hh"
#include "lib/pool/pool_on_medium.hh"
#include "lib/pool/repair.hh"
#include "lib/pool/rescue.hh"
#include "lib/wire/codec.hh"
#include "tests/fuzz/input.hh"
#include "tests/fuzz/small_pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using fuzz::Bytes;
using test::Image;
using test::RecordingMedium;
using test::Tape;

constexpr std::size_t kUsedOfSuperblock = 232;  // the rest of it is zeros
// In settings.
enum Deed : unsigned { kUse = 0, kLook = 1, kRepair = 2, kGoBack = 3, kDeeds = 4 };
constexpr unsigned kCutsFrom = 8;  // so most inputs are whole
constexpr std::uint64_t kCutBytes = 40'001;
constexpr std::size_t kMostOfHalf = 16 * kKiB, kMostOfPages = 4 * kKiB;

const CheckProgress kSilent{[](std::uint64_t) {}, [](std::uint64_t) {}};

auto place(Image& image, std::uint64_t at) {
    return image.begin() + static_cast<std::ptrdiff_t>(at);
}

Image image_of(fuzz::Input& input) {
    Image image(fuzz::kSmallPoolBytes);
    for (const auto offset : format::kSuperblockOffset)
        std::ranges::copy(input.piece(kUsedOfSuperblock), place(image, offset));
    for (const std::uint64_t half : {0, 1}) {
        const auto bytes = input.piece_with_length();
        std::ranges::copy(bytes.first(std::min(bytes.size(), kMostOfHalf)),
                          place(image, format::kJournalOffset + half * fuzz::kSmallHalf));
    }
    std::ranges::copy(input.piece(kMostOfPages), place(image, fuzz::kSmallPagesOffset));
    return image;
}

void check_refusal(const Error& error) {
    CHECK(error.code == EUCLEAN || error.code == EKEYREJECTED || error.code == EPROTONOSUPPORT);
    CHECK(!error.message.empty());
}

std::shared_ptr<Tape> copy_of(const Image& image) {
    return std::make_shared<Tape>(image, false);
}

/// Some changes: each is made, or is an error and changes nothing.
void use_on(Pool& pool) {
    static_cast<void>(pool.create_region("made.after.it", "alice", {.keep = 2}));
    for (const auto& region : pool.regions("", 4)) {
        const auto sealed = test::save(pool, region.name, Bytes(100));
        CHECK(!sealed || sealed->number > region.newest);
        static_cast<void>(pool.open_log(region.name, 100));
        static_cast<void>(pool.take_over(region.name));
    }
}

/// What it says of itself is what it says when it is opened again, whatever was done to it.
void open_and_use(const Image& image) {
    const auto tape = copy_of(image);
    std::string before;
    {
        const auto pool = fuzz::open_small_pool(tape);
        if (!pool) {
            check_refusal(pool.error());
            return;
        }
        before = fuzz::check_pool(**pool, true);
    }
    {
        const auto pool = test::ok(fuzz::open_small_pool(tape));
        test::equal(fuzz::check_pool(*pool, true), before);
        use_on(*pool);
        before = fuzz::check_pool(*pool, true);
    }
    test::equal(fuzz::check_pool(*test::ok(fuzz::open_small_pool(tape)), true), before);
}

/// As salvage does.
void read_out(const media::Medium& medium, const Recovered& recovered) {
    std::uint64_t taken = 0;
    const PieceTaker take = [&](std::span<const std::byte> piece) -> Status {
        taken += piece.size() + std::to_integer<unsigned>(piece.empty() ? std::byte{} : piece.back());
        return {};
    };
    for (const auto& info : recovered.catalog.list("", SIZE_MAX)) {
        const auto& region = *recovered.catalog.find(info.name);
        for (const auto& [number, kept] : region.generations)
            static_cast<void>(for_each_piece(medium.bytes(), *recovered.pages, kept, take));
        if (!region.log)
            continue;
        const auto contents = look_at_log(medium.bytes(), *recovered.pages, region);
        if (!contents)
            continue;
        const auto& log = *region.log;
        static_cast<void>(for_each_payload(medium.bytes(), *recovered.pages, log, contents->end, take));
        static_cast<void>(for_each_later_payload(medium.bytes(), *recovered.pages, log,
                                                 {log.id, region.info.epoch, 0}, contents->end, take));
        CHECK(readable_pages(medium.bytes(), *recovered.pages, log) <= fuzz::kSmallPages);
    }
}

void look_without_a_manager(const Image& image) {
    const auto tape = copy_of(image);
    tape->read_only = true;
    const RecordingMedium medium(tape);
    const bool opens = recover(medium, &test::pool_key()).has_value();
    const auto rescued = rescue(medium, &test::pool_key());
    if (rescued) {
        CHECK(rescued->refused.has_value() == !opens);
        read_out(medium, rescued->recovered);
        static_cast<void>(sequences(medium, rescued->recovered, test::pool_key()));
    } else {
        CHECK(!opens);
        check_refusal(rescued.error());
    }
    static_cast<void>(find_lost_snapshot(medium, test::pool_key()));
    const auto report = check(medium, &test::pool_key(), kSilent);
    CHECK(report || !opens);
    CHECK(report || report.error().code == EUCLEAN || report.error().code == EPROTONOSUPPORT);
    CHECK(tape->stored == image);
}

/// A second one has nothing to do, and a manager can serve it.
void repair_twice(const Image& image, const RepairOptions& options) {
    const auto tape = copy_of(image);
    RecordingMedium medium(tape);
    const RepairHooks hooks{
        kSilent, [](const RepairPlan& plan) -> Status {
            for (const auto& remains : plan.remains)
                static_cast<void>(remains.read([](std::span<const std::byte>) { return Status(); }));
            return {};
        }};
    const auto report = repair(medium, test::pool_key(), options, hooks);
    if (!report) {
        CHECK(!report.error().message.empty());
        return;
    }
    const auto mended = tape->stored;
    const auto again = test::ok(repair(medium, test::pool_key(), options, hooks));
    CHECK(again.plan.changes.empty() && tape->stored == mended);
    fuzz::check_pool(*test::ok(fuzz::open_small_pool(tape)), true);
}

void run(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    const unsigned settings = input.byte();
    auto image = image_of(input);
    const auto cut = (settings / kCutsFrom) * kCutBytes;
    image.resize(image.size() - std::min<std::uint64_t>(cut, image.size()));
    switch (settings % kDeeds) {
        case kUse: open_and_use(image); break;
        case kLook: look_without_a_manager(image); break;
        case kRepair: repair_twice(image, {}); break;
        case kGoBack: repair_twice(image, {true}); break;
    }
}

/// Where things lie in an input.
struct Parts {
    unsigned settings = 0;
    std::array<Bytes, 2> superblocks, halves;
    Bytes pages;
};

Bytes input_of(const Parts& parts) {
    wire::Encoder input;
    input(static_cast<std::uint8_t>(parts.settings));
    for (const auto& superblock : parts.superblocks)
        input.append(superblock);
    for (const auto& half : parts.halves)
        input(half);
    input.append(parts.pages);
    return input.bytes();
}

Parts parts_of(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    Parts parts;
    parts.settings = input.byte();
    const auto kept = [](std::span<const std::byte> piece) { return Bytes(piece.begin(), piece.end()); };
    for (auto& superblock : parts.superblocks) {
        superblock = kept(input.piece(kUsedOfSuperblock));
        superblock.resize(kUsedOfSuperblock);
    }
    for (auto& half : parts.halves)
        half = kept(input.piece_with_length());
    parts.pages = kept(input.piece(kMostOfPages));
    return parts;
}

/// The fields as they are; its checksum holds, and `signed_too`: it is one that a manager has written.
format::Superblock mend_superblock(Bytes& bytes, bool signed_too) {
    Bytes whole = bytes;
    whole.resize(format::kSuperblockBytes);
    std::ranges::copy(std::as_bytes(std::span("PMEMCKPT", 8)), whole.begin());
    test::mend_superblock(whole);
    const auto superblock = format::read_superblock(whole).superblock;
    if (signed_too)
        std::ranges::copy(test::encode(superblock), whole.begin());
    std::copy_n(whole.begin(), kUsedOfSuperblock, bytes.begin());
    return superblock;
}

void store_sequence(std::span<std::byte> record, std::uint64_t sequence) {
    constexpr std::size_t kSequenceAt = 8;
    const format::LittleU64 little = sequence;
    std::memcpy(record.data() + kSequenceAt, &little, sizeof little);
}

/// What is made to hold of records.
struct Mending {
    bool signed_too = false;  ///< their MACs, not only their checksums
    bool numbered = false;    ///< each has the next sequence
};

void mend_half(Bytes& half, const format::JournalSeed& seed, const Mending& mending) {
    std::uint64_t at = 0, sequence = seed.first_sequence;
    for (auto length = format::claimed_length(half, at); length != 0;
         length = format::claimed_length(half, at)) {
        const auto record = std::span(half).subspan(at, length);
        if (mending.numbered)
            store_sequence(record, sequence++);
        if (mending.signed_too)
            test::sign_record(record, seed);
        else
            test::mend_record(record, seed);
        at += length;
    }
}

/// One who has the manager key, or who has not, wrote superblocks and journal like that.
void mend(Bytes& input, unsigned seed) {
    const Mending mending{seed % 4 != 0, seed / 4 % 2 == 0};
    auto parts = parts_of(input);
    std::array<format::Superblock, 2> superblocks;
    for (unsigned slot : {0U, 1U})
        superblocks[slot] = mend_superblock(parts.superblocks[slot], seed % 8 != 0);
    auto newest = superblocks[superblocks[1].sequence > superblocks[0].sequence];
    const format::MacKey key(test::pool_key(), newest.uuid);
    newest.manager_key = key.manager_key();
    for (unsigned half : {0U, 1U}) {
        const auto claimed = format::claimed_sequence(parts.halves[half], 0).value_or(1);
        const auto first = half == newest.active_half ? newest.first_sequence : claimed;
        mend_half(parts.halves[half], format::journal_seed(newest, first, &key), mending);
    }
    input = input_of(parts);
}

Bytes input_of_image(const Image& image, unsigned settings = 0) {
    const std::span<const std::byte> all(image);
    const auto cut_zeros = [](std::span<const std::byte> bytes) {
        while (!bytes.empty() && bytes.back() == std::byte{})
            bytes = bytes.first(bytes.size() - 1);
        return Bytes(bytes.begin(), bytes.end());
    };
    Parts parts;
    parts.settings = settings;
    for (unsigned i : {0U, 1U}) {
        const auto superblock = all.subspan(format::kSuperblockOffset[i], kUsedOfSuperblock);
        parts.superblocks[i].assign(superblock.begin(), superblock.end());
        parts.halves[i] = cut_zeros(all.subspan(format::kJournalOffset + i * fuzz::kSmallHalf, kMostOfHalf));
    }
    parts.pages = cut_zeros(all.subspan(fuzz::kSmallPagesOffset, kMostOfPages));
    return input_of(parts);
}

/// Each kind of record; the log's pages are the first ones.
void live(Pool& pool, const std::string& tag) {
    test::ok(pool.create_region("team/" + tag, "alice", {.keep = 3}));
    test::ok(pool.create_region("b-" + tag, "bob", {.keep = 1}));
    test::LogWriter writer(pool, test::ok(pool.open_log("team/" + tag, 5000)));
    for (const std::size_t size : {30, 1, 200})
        writer.append(Bytes(size, std::byte{'r'}));
    test::ok(pool.advance_cursor("team/" + tag, {"backup", 0, 2}));
    for (const std::size_t size : {9000, 100, 0})
        test::ok(test::save(pool, "b-" + tag, Bytes(size)));
    test::ok(test::save(pool, "b-" + tag, Bytes(9000)));
    test::ok(pool.pin("b-" + tag, 4, true));
    test::ok(test::save_clone(pool, "b-" + tag, Bytes(9000), {{{0}, {5}}}));
    test::ok(pool.set_retention("b-" + tag, 2, 5));
    test::ok(pool.grant("b-" + tag, {"alice", Rights::all()}));
    test::ok(pool.withdraw("b-" + tag, {"alice", Right::write}));
    test::ok(pool.set_owner("b-" + tag, "carol"));
    test::ok(pool.take_over("team/" + tag));
    test::ok(pool.create_region("gone-" + tag, "bob", {}));
    test::ok(test::save(pool, "gone-" + tag, Bytes(10)));
    test::ok(pool.clear("gone-" + tag));
    test::ok(pool.advance_cursor("gone-" + tag, {"other", 0, 0}));
    test::ok(pool.drop_cursor("gone-" + tag, "other"));
    test::ok(pool.destroy_region("gone-" + tag));
}

/// It believes its half to be full: its next change switches.
std::unique_ptr<Pool> with_a_full_half(const std::shared_ptr<Tape>& tape) {
    auto medium = std::make_unique<RecordingMedium>(tape);
    auto recovered = test::ok(recover(*medium, &test::pool_key()));
    recovered.position.used = recovered.position.superblock.half_size;
    return std::make_unique<PoolOnMedium>(std::move(medium), std::move(recovered));
}

std::vector<fuzz::Seed> seeds() {
    std::vector<fuzz::Seed> all;
    const auto add = [&](const std::string& name, const Image& image, unsigned cuts = 0) {
        for (const unsigned deed : {kUse, kLook, kRepair, kGoBack})
            all.push_back({fmt::format("{}-{}", name, deed), input_of_image(image, deed + cuts * kCutsFrom)});
    };
    add("empty", fuzz::small_pool());
    const auto tape = copy_of(fuzz::small_pool());
    live(*test::ok(fuzz::open_small_pool(tape)), "first");
    add("first-half", tape->stored);
    live(*with_a_full_half(tape), "second");
    add("second-half", tape->stored);
    auto torn = tape->stored;
    torn[format::kJournalOffset + fuzz::kSmallHalf + 700] ^= std::byte{1};
    add("damaged", torn);
    add("cut-short", tape->stored, 3);
    live(*with_a_full_half(tape), "third");
    add("first-half-again", tape->stored);
    return all;
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
