// time-limit: 600
// Every byte of a pool's metadata flipped, one at a time, and a pool cut at every length: opened, checked and
// rescued. It is an error, or the newest state, or the one before where the very last record is hit; nothing
// else, and no crash. HOSTILE_PATTERNS=all flips all eight bits of each byte, one at a time, and all of them
// at once.
#include <algorithm>
#include <cerrno>
#include <cstdlib>

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
using test::Moment;
using test::Tape;

const History& history() {
    static const History all = test::live_through_three_halves();
    return all;
}

struct Seen {
    std::string state;  ///< digest(), or "error"
    int code = 0;
};

/// Opened for reading only, so that it stays as it is.
Seen open_and_look(const std::shared_ptr<Tape>& tape) {
    const auto pool = test::open_tape(tape);
    if (pool)
        return {test::pages_owned_twice(**pool) + test::digest(**pool), 0};
    CHECK(!pool.error().message.empty());
    CHECK(pool.error().code == EUCLEAN || pool.error().code == EPROTONOSUPPORT);
    return {"error", pool.error().code};
}

Result<CheckReport> check_tape(const std::shared_ptr<Tape>& tape) {
    return check(test::RecordingMedium(tape), &test::pool_key(),
                 {[](std::uint64_t) {}, [](std::uint64_t) {}});
}

const Moment& moment_after(std::uint64_t next_sequence) {
    const auto& moments = history().moments;
    const auto found = std::ranges::find(moments, next_sequence, &Moment::next_sequence);
    CHECK(found != moments.end());
    return *found;
}

/// HOSTILE_MEDIA=all: for `make check-hostile-media`.
bool all_of_them() {
    const char* which = std::getenv("HOSTILE_MEDIA");
    return which && std::string(which) == "all";
}

std::vector<std::byte> patterns(bool is_in_use) {
    if (all_of_them() && is_in_use)
        return {std::byte{0xff}, std::byte{1},  std::byte{2},  std::byte{4},  std::byte{8},
                std::byte{16},   std::byte{32}, std::byte{64}, std::byte{128}};
    return {std::byte{0xff}, static_cast<std::byte>(1U << test::generator()() % 8)};
}

/// One base, flipped byte after byte.
class Flipper {
public:
    explicit Flipper(const Base& base)
        : tape_(std::make_shared<Tape>(base.image, false)),
          superblock_(test::newest_superblock(base.image)),
          newest_(history().moments[base.moment]),
          active_(test::records_in_half(base.image, superblock_, superblock_.active_half)) {
        tape_->read_only = true;
        good_generations_ = test::ok(check_tape(tape_)).good_generations;
        test::equal(open_and_look(tape_).state, newest_.state);
    }

    void flip_all();
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t flips() const { return flips_; }
    std::uint64_t refused() const { return refused_; }
    std::uint64_t older() const { return older_; }

private:
    void flip_range(std::uint64_t from, std::uint64_t to, std::uint64_t step = 1);
    void look(std::uint64_t at, bool closely);
    void look_at_other_bytes(std::uint64_t at, bool closely);
    void look_at_record(std::uint64_t at, const test::PlacedRecord& record, bool closely);
    void look_at_check(std::uint64_t at, const test::PlacedRecord& record, bool is_last);
    void look_at_rescue(const test::PlacedRecord& record);
    const test::PlacedRecord* active_record(std::uint64_t at) const;
    bool is_in_use(std::uint64_t at) const;
    bool in_snapshot(const test::PlacedRecord& record) const {
        return record.sequence - superblock_.first_sequence < superblock_.snapshot_records;
    }

    std::shared_ptr<Tape> tape_;
    format::Superblock superblock_;
    const Moment& newest_;
    std::vector<test::PlacedRecord> active_;
    std::uint64_t good_generations_ = 0;
    std::uint64_t bytes_ = 0, flips_ = 0, refused_ = 0, older_ = 0;
};

/// Both superblocks whole, all records of both halves and some more; of what nobody uses, some.
void Flipper::flip_all() {
    const std::uint64_t beyond = all_of_them() ? 4 * kKiB : kKiB;
    constexpr std::uint64_t kSparse = 4999;
    flip_range(0, 2 * format::kSuperblockBytes);
    flip_range(2 * format::kSuperblockBytes, format::kJournalOffset, kSparse);
    for (unsigned half = 0; half < 2; ++half) {
        const auto start = superblock_.half_offset[half];
        const auto records = test::records_in_half(tape_->stored, superblock_, half);
        const auto used = records.empty() ? start : records.back().at + records.back().length;
        flip_range(start, used + beyond);
        flip_range(used + beyond, start + superblock_.half_size, kSparse);
    }
}

void Flipper::flip_range(std::uint64_t from, std::uint64_t to, std::uint64_t step) {
    for (auto at = from; at < to; at += test::under_valgrind() ? 211 * step : step, ++bytes_)
        for (const auto pattern : patterns(is_in_use(at))) {
            tape_->stored[at] ^= pattern;
            look(at, pattern == std::byte{0xff} && (active_record(at) || at % 8 == 0));
            tape_->stored[at] ^= pattern;
            ++flips_;
        }
}

const test::PlacedRecord* Flipper::active_record(std::uint64_t at) const {
    for (const auto& record : active_)
        if (at >= record.at && at < record.at + record.length)
            return &record;
    return nullptr;
}

/// Not reserved, and not behind the end.
bool Flipper::is_in_use(std::uint64_t at) const {
    constexpr std::uint64_t kSuperblockFields = 232;
    return active_record(at) ||
           (at < 2 * format::kSuperblockBytes && at % format::kSuperblockBytes < kSuperblockFields);
}

/// Opened in any case; `closely`: checked and rescued, too.
void Flipper::look(std::uint64_t at, bool closely) {
    try {
        if (const auto* record = active_record(at))
            look_at_record(at, *record, closely);
        else
            look_at_other_bytes(at, closely);
    } catch (const test::Failure& failure) {
        throw test::Failure(fmt::format("byte {} flipped: {}", at, failure.what()));
    }
}

/// A superblock's loss is no loss, and is told; the other half and what lies beyond the end are of no
/// meaning.
void Flipper::look_at_other_bytes(std::uint64_t at, bool closely) {
    test::equal(open_and_look(tape_).state, newest_.state);
    if (!closely)
        return;
    const auto report = test::ok(check_tape(tape_));
    test::equal(report.good_generations, good_generations_);
    const bool in_superblock = at < 2 * format::kSuperblockBytes;
    test::equal(report.findings.size(), std::size_t{in_superblock});
}

/// In the middle it is damage. The last one looks like a write that the power cut, and the state before it
/// counts; but not in a snapshot, whose number of records is known.
void Flipper::look_at_record(std::uint64_t at, const test::PlacedRecord& record, bool closely) {
    const bool is_last = &record == &active_.back() && !in_snapshot(record);
    const auto seen = open_and_look(tape_);
    test::equal(seen.state, is_last ? moment_after(record.sequence).state : "error");
    CHECK(is_last || seen.code == EUCLEAN);
    refused_ += !is_last;
    older_ += is_last;
    if (!closely)
        return;
    look_at_check(at, record, is_last);
    look_at_rescue(record);
}

void Flipper::look_at_check(std::uint64_t at, const test::PlacedRecord& record, bool is_last) {
    const auto report = test::ok(check_tape(tape_));
    const bool is_claimed = at - record.at >= 4 && (at - record.at < 8 || at - record.at >= 16);
    if (!is_last)
        CHECK(std::ranges::count(report.findings, Severity::damage, &Finding::severity) >= 1);
    else
        test::equal(report.findings.size(), std::size_t{is_claimed});
    // An older state's pages may have been given to others since: then it says so.
    const auto damaged = std::ranges::count(report.findings, Severity::damage, &Finding::severity);
    CHECK(report.generations - report.good_generations <= static_cast<std::uint64_t>(damaged));
}

/// To the record before, or, in a snapshot, what the half before led to.
void Flipper::look_at_rescue(const test::PlacedRecord& record) {
    const auto rescued = rescue(test::RecordingMedium(tape_), &test::pool_key());
    if (!rescued) {
        CHECK(record.sequence == 1);  // there is nothing before it
        return;
    }
    const auto next = in_snapshot(record) ? superblock_.first_sequence : record.sequence;
    test::equal(rescued->recovered.position.next_sequence, next);
    test::equal(test::tables_of(rescued->recovered.catalog), moment_after(next).tables);
}

void every_byte_flipped() {
    for (const auto& base : history().bases) {
        Flipper flipper(base);
        flipper.flip_all();
        fmt::print("{}: {} bytes, {} flips: {} refused, {} the state before, {} the newest state\n",
                   base.name, flipper.bytes(), flipper.flips(), flipper.refused(), flipper.older(),
                   flipper.flips() - flipper.refused() - flipper.older());
        CHECK(flipper.refused() > 0);
    }
}

/// From the whole length down; each is refused, and the looks without a manager end well.
class Cutter {
public:
    explicit Cutter(const Base& base)
        : base_(base),
          tape_(std::make_shared<Tape>(base.image, false)),
          newest_(history().moments[base.moment]) {
        tape_->read_only = true;
    }
    void cut_to(std::uint64_t length);
    std::uint64_t cuts() const { return cuts_; }

private:
    void look_at_rescue();

    const Base& base_;
    std::shared_ptr<Tape> tape_;
    const Moment& newest_;
    std::uint64_t cuts_ = 0;
};

void Cutter::cut_to(std::uint64_t length) {
    tape_->stored.resize(length);
    ++cuts_;
    const auto message = test::error(test::open_tape(tape_), EUCLEAN);
    test::contains(message, fmt::format("{} bytes", length));
    const auto report = check_tape(tape_);
    CHECK(report ? !report->findings.empty() : report.error().code == EUCLEAN);
    look_at_rescue();
}

void Cutter::look_at_rescue() {
    const auto rescued = rescue(test::RecordingMedium(tape_), &test::pool_key());
    if (!rescued) {
        CHECK(rescued.error().code == EUCLEAN);
        return;
    }
    CHECK(rescued->refused.has_value());
    if (rescued->state.find("not all of it") != std::string::npos ||
        rescued->state.find("may not be all of it") != std::string::npos)
        return;
    test::equal(test::tables_of(rescued->recovered.catalog),
                moment_after(rescued->recovered.position.next_sequence).tables);
}

void cut_at_every_length() {
    for (const auto& base : history().bases) {
        const auto superblock = test::newest_superblock(base.image);
        Cutter cutter(base);
        // Each multiple of 8 in the medium that uses both halves; of the others, some.
        const bool each = &base == &history().bases.back();
        const std::uint64_t step = 8 * (test::under_valgrind() ? 1009 : each ? 1 : 61);
        for (auto page = superblock.page_count; page-- > 0;)
            for (const std::uint64_t more : {1, 0})
                cutter.cut_to(superblock.pages_offset + page * superblock.page_size + more);
        for (auto length = superblock.pages_offset - 1; length > superblock.pages_offset - 8; --length)
            cutter.cut_to(length);
        for (auto length = superblock.pages_offset - 8; length > 0; length -= std::min(step, length))
            cutter.cut_to(length);
        fmt::print("{}: cut to {} lengths: all refused\n", base.name, cutter.cuts());
    }
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each torn tail is a notice
    return test::run("pool_hostile_media", {{"every_byte_flipped", every_byte_flipped},
                                            {"cut_at_every_length", cut_at_every_length}});
}
