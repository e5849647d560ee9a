// time-limit: 240
// Media put together of parts that were never there at the same time: superblocks and halves of the journal
// of an older time, or of a copy that lived on by itself; superblocks swapped, doubled, of another format.
// Each opens in a state that the pool was in, or is refused; and never in an older one while a newer one
// verifies on the same medium.
#include <algorithm>
#include <cerrno>
#include <functional>

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

using test::History;
using test::Image;
using test::Moment;
using test::Tape;

const History& history() {
    static const History all = test::live_through_three_halves();
    return all;
}

std::shared_ptr<Tape> tape_of(const Image& image) {
    const auto tape = std::make_shared<Tape>(image, false);
    tape->read_only = true;
    return tape;
}

/// A part of the metadata, as a range of the medium's bytes.
struct Part {
    const char* name;
    bool superblock_a, superblock_b, half_0, half_1;
};
constexpr Part kParts[] = {
    {"superblock A", true, false, false, false},
    {"superblock B", false, true, false, false},
    {"both superblocks", true, true, false, false},
    {"half 0", false, false, true, false},
    {"half 1", false, false, false, true},
    {"both halves", false, false, true, true},
    {"superblocks and half 0", true, true, true, false},
    {"superblocks and half 1", true, true, false, true},
    {"all metadata", true, true, true, true},
};

void paste(const Image& from, Image& to, std::uint64_t at, std::uint64_t size) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(at);
    std::copy(begin, begin + static_cast<std::ptrdiff_t>(size), to.begin() + static_cast<std::ptrdiff_t>(at));
}

void paste(const Part& part, const Image& from, Image& to) {
    const auto superblock = test::newest_superblock(from);
    if (part.superblock_a)
        paste(from, to, format::kSuperblockOffset[0], format::kSuperblockBytes);
    if (part.superblock_b)
        paste(from, to, format::kSuperblockOffset[1], format::kSuperblockBytes);
    if (part.half_0)
        paste(from, to, superblock.half_offset[0], superblock.half_size);
    if (part.half_1)
        paste(from, to, superblock.half_offset[1], superblock.half_size);
}

/// The sequence after the last record that verifies on the medium, in either half; of a snapshot alone, that
/// before it: it says nothing new.
std::uint64_t newest_sequence_on(const Image& image, std::uint64_t snapshot_records) {
    const auto superblock = test::newest_superblock(image);
    std::uint64_t newest = 1;
    for (unsigned half = 0; half < 2; ++half) {
        const auto records = test::records_in_half(image, superblock, half);
        if (records.empty())
            continue;
        const bool is_snapshot_alone = records.front().sequence > 1 && records.size() <= snapshot_records;
        newest = std::max(newest, is_snapshot_alone ? records.front().sequence : records.back().sequence + 1);
    }
    return newest;
}

/// By its tables: what lies on pages may have been written later, a log's records and others' bytes.
bool is_state_of(const std::vector<Moment>& moments, const Recovered& recovered) {
    return std::ranges::count(moments, test::tables_of(recovered.catalog), &Moment::tables) > 0;
}

/// What check says of bytes that an older state takes for its own.
void check_tells_of_torn(const Image& image, const std::string& state) {
    const auto report = test::ok(check(test::RecordingMedium(tape_of(image)), &test::pool_key(),
                                       {[](std::uint64_t) {}, [](std::uint64_t) {}}));
    if (state.find(" TORN") != std::string::npos)
        CHECK(std::ranges::count(report.findings, Severity::damage, &Finding::severity) > 0);
}

enum class Outcome { refused, newest, older };
/// Of one pool: nothing verifies on the medium that is later than the state it opens in. A twin's later
/// records are of another life.
enum class Of { one_pool, twins };

Outcome look(const Image& image, const std::vector<Moment>& moments, const std::string& newest, Of of) {
    const auto tape = tape_of(image);
    const auto pool = test::open_tape(tape);
    if (!pool) {
        CHECK(pool.error().code == EUCLEAN && !pool.error().message.empty());
        return Outcome::refused;
    }
    const auto state = test::digest(**pool);
    test::equal(test::pages_owned_twice(**pool), std::string());
    check_tells_of_torn(image, state);
    const auto recovered = test::ok(recover(test::RecordingMedium(tape), &test::pool_key()));
    CHECK(is_state_of(moments, recovered));
    const auto least = newest_sequence_on(image, recovered.catalog.snapshot_records());
    CHECK(of == Of::twins || recovered.position.next_sequence >= least);
    return state == newest ? Outcome::newest : Outcome::older;
}

struct Counts {
    std::size_t refused = 0, newest = 0, older = 0;
    void add(Outcome outcome) {
        refused += outcome == Outcome::refused;
        newest += outcome == Outcome::newest;
        older += outcome == Outcome::older;
    }
};

Outcome look_at_pasted(const Part& part, const Image& from, const Image& base, const std::string& newest,
                       const std::vector<Moment>& moments, Of of) {
    auto image = base;
    paste(part, from, image);
    return look(image, moments, newest, of);
}

/// Each part of each earlier moment, into the medium as it was at the end of each use of the halves.
void parts_of_an_older_time() {
    const auto& all = history();
    for (const auto& part : kParts) {
        Counts counts;
        for (const auto& base : all.bases)
            for (std::size_t older = 0; older < base.moment; older += test::under_valgrind() ? 17 : 1)
                try {
                    counts.add(look_at_pasted(part, all.moments[older].metadata, base.image,
                                              all.moments[base.moment].state, all.moments, Of::one_pool));
                } catch (const test::Failure& failure) {
                    throw test::Failure(fmt::format("{} of moment {} in \"{}\" (moment {}): {}", part.name,
                                                    older, base.name, base.moment, failure.what()));
                }
        fmt::print("{}: {} refused, {} the newest state, {} an older one\n", part.name, counts.refused,
                   counts.newest, counts.older);
    }
}

/// Where both superblocks are older than the journal, it is refused; what is left is the newest state all the
/// same.
void older_superblocks_hide_nothing() {
    const auto& all = history();
    std::size_t refused = 0;
    for (const auto& base : all.bases)
        for (std::size_t older = 0; older < base.moment; ++older) {
            auto image = base.image;
            paste(kParts[2], all.moments[older].metadata, image);
            const auto rescued = test::ok(rescue(test::RecordingMedium(tape_of(image)), &test::pool_key()));
            test::equal(test::tables_of(rescued.recovered.catalog), all.moments[base.moment].tables);
            if (!rescued.refused)
                continue;
            ++refused;
            test::contains(rescued.refused->message, "both superblocks are older than the journal");
            test::contains(rescued.refused->message, "record ");
        }
    CHECK(refused > 20);
}

/// Two pools of one UUID verify each other's records: what comes of it is a state of one of the two.
void parts_of_a_twin() {
    const auto& own = history();
    const auto twin = test::live_on_apart(own.bases.front());
    auto moments = own.moments;
    moments.insert(moments.end(), twin.moments.begin(), twin.moments.end());
    for (const auto& part : kParts) {
        Counts counts;
        for (const auto& base : own.bases)
            for (const auto& other : twin.bases) {
                counts.add(look_at_pasted(part, other.image, base.image, own.moments[base.moment].state,
                                          moments, Of::twins));
                counts.add(look_at_pasted(part, base.image, other.image, twin.moments[other.moment].state,
                                          moments, Of::twins));
            }
        fmt::print("{} of a twin: {} refused, {} the newest state, {} another of the two pools'\n", part.name,
                   counts.refused, counts.newest, counts.older);
    }
}

void copy_superblock(Image& image, unsigned from, unsigned to) {
    const auto begin = image.begin() + static_cast<std::ptrdiff_t>(format::kSuperblockOffset[from]);
    std::copy(begin, begin + format::kSuperblockBytes,
              image.begin() + static_cast<std::ptrdiff_t>(format::kSuperblockOffset[to]));
}

void superblocks_swapped_and_doubled() {
    for (const auto& base : history().bases) {
        auto image = base.image;
        std::swap_ranges(image.begin(), image.begin() + format::kSuperblockBytes,
                         image.begin() + format::kSuperblockBytes);
        test::equal(test::digest_of(image), history().moments[base.moment].state);
        for (unsigned from = 0; from < 2; ++from) {
            image = base.image;
            copy_superblock(image, from, 1 - from);
            test::equal(test::digest_of(image), history().moments[base.moment].state);
            const auto report = test::ok(check(test::RecordingMedium(tape_of(image)), &test::pool_key(),
                                               {[](std::uint64_t) {}, [](std::uint64_t) {}}));
            test::equal(report.findings.size(), std::size_t{1});
            test::contains(report.findings[0].message, "and so has superblock A");
        }
    }
}

void put_version(Image& image, unsigned slot, std::uint16_t major, std::uint16_t minor) {
    const auto place = std::span(image).subspan(format::kSuperblockOffset[slot], format::kSuperblockBytes);
    auto superblock = format::read_superblock(place).superblock;
    superblock.major = major;
    superblock.minor = minor;
    const auto bytes = test::encode(superblock);
    std::copy(bytes.begin(), bytes.end(), place.begin());
}

constexpr std::uint16_t kOtherMajorVersions[] = {0, 2, 255, 65535};

/// Another major version in the copy that counts, whichever that is: refused, untouched, and not rescued
/// either. In the other copy it is of no meaning for what is there; a later minor version is none at all.
void other_versions() {
    for (const auto& base : history().bases)
        for (const auto major : kOtherMajorVersions)
            for (unsigned slot = 0; slot < 2; ++slot) {
                auto image = base.image;
                const auto newest = test::newest_superblock(image).sequence;
                put_version(image, slot, major, 0);
                const bool counts = test::newest_superblock(image).major != 1;
                CHECK(test::newest_superblock(image).sequence == newest);
                const auto tape = std::make_shared<Tape>(image, false);
                const auto pool = test::open_tape(tape);
                test::equal(pool.has_value(), !counts);
                if (!counts)
                    continue;
                test::contains(test::error(pool, EPROTONOSUPPORT), fmt::format("format {}", major));
                CHECK(tape->stored == image && tape->persists == 0);
                test::error(rescue(test::RecordingMedium(tape), &test::pool_key()), EPROTONOSUPPORT);
            }
    auto image = history().bases.back().image;
    for (unsigned slot = 0; slot < 2; ++slot)
        put_version(image, slot, 1, 77);
    test::equal(test::digest_of(image), history().moments.back().state);
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each torn tail is a notice
    return test::run("pool_pasted_media",
                     {{"parts_of_an_older_time", parts_of_an_older_time},
                      {"older_superblocks_hide_nothing", older_superblocks_hide_nothing},
                      {"parts_of_a_twin", parts_of_a_twin},
                      {"superblocks_swapped_and_doubled", superblocks_swapped_and_doubled},
                      {"other_versions", other_versions}});
}
