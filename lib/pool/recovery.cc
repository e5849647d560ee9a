#include "lib/pool/recovery.hh"

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/base/log.hh"
#include "lib/media/readable.hh"
#include "lib/pool/journal_scan.hh"
#include "lib/pool/replay.hh"

namespace pmemckpt::pool {

namespace {

using format::Superblock;
using format::SuperblockReading;
using format::SuperblockState;

struct Choice {
    unsigned slot = 0;
    Superblock superblock;
    bool other_damaged = false;
    bool other_differs = false;
};

std::span<const std::byte> part(std::span<const std::byte> whole, std::uint64_t at, std::uint64_t size) {
    const auto begin = std::min<std::uint64_t>(at, whole.size());
    return whole.subspan(begin, std::min<std::uint64_t>(size, whole.size() - begin));
}

Result<Choice> choose_superblock(const media::Medium& medium) {
    std::array<SuperblockReading, 2> copies;
    for (unsigned slot = 0; slot < copies.size(); ++slot)
        copies[slot] = format::read_superblock(
            part(medium.bytes(), format::kSuperblockOffset[slot], format::kSuperblockBytes));
    const auto valid = [&](unsigned slot) { return copies[slot].state == SuperblockState::valid; };
    if (copies[0].state == SuperblockState::foreign && copies[1].state == SuperblockState::foreign)
        return fail(EUCLEAN, "{} is not a pmemckpt pool: {}", medium.path(),
                    medium.bytes().size() < format::kSuperblockBytes
                        ? fmt::format("it has {} bytes", medium.bytes().size())
                        : "neither superblock is there");
    if (!valid(0) && !valid(1))
        return fail(EUCLEAN,
                    "{} ({} bytes): both superblocks are damaged or cut off; restore the pool from a copy",
                    medium.path(), medium.bytes().size());
    const bool second =
        valid(1) && (!valid(0) || copies[1].superblock.sequence > copies[0].superblock.sequence);
    Choice choice{second, copies[second].superblock, !valid(!second), true};
    choice.other_differs =
        choice.other_damaged || !format::names_same_state(copies[0].superblock, copies[1].superblock);
    return choice;
}

std::span<const std::byte> half_of(const media::Medium& medium, const Superblock& superblock, unsigned half) {
    return medium.bytes().subspan(superblock.half_offset[half], superblock.half_size);
}

/// A whole record after the end: what lies between was a record too, and is lost.
Status check_end(const media::Medium& medium, const Superblock& superblock, const ReplayEnd& end) {
    const auto half = half_of(medium, superblock, superblock.active_half);
    const auto start = superblock.half_offset[superblock.active_half];
    const auto seed = format::journal_seed(superblock.uuid, superblock.first_sequence);
    const auto later = TRY(find_later_record(seed, half, end.used, end.next_sequence));
    if (later)
        return fail(EUCLEAN,
                    "{}: the journal is damaged at byte {}: record {} is not whole, and record {} at byte {} "
                    "is; restore the pool from a copy",
                    medium.path(), start + end.used, end.next_sequence, later->sequence, start + later->at);
    if (format::claimed_sequence(half, end.used) == end.next_sequence)
        log::notice(
            "{}: record {} at byte {} of the journal is not whole: it was being written when the power "
            "failed, and is dropped",
            medium.path(), end.next_sequence, start + end.used);
    return {};
}

/// The sequence of the record that a half begins with, when it is one of this pool, of whichever use of the
/// half.
std::optional<std::uint64_t> first_sequence_in(std::span<const std::byte> half,
                                               const Superblock& superblock) {
    const auto claimed = format::claimed_sequence(half, 0);
    if (!claimed || !format::read_record(format::journal_seed(superblock.uuid, *claimed), half, 0))
        return std::nullopt;
    return claimed;
}

/// The newest superblock may be the damaged one, or both copies older than the journal. Then the other half
/// has a snapshot that follows on ours; when it is of the same state and nothing came after it, the power
/// failed before the superblock was written whole, and nothing is lost. Any more than that, and the state
/// that this superblock names is an older one.
Status check_other_half(const media::Medium& medium, const Superblock& superblock, const ReplayEnd& end,
                        std::uint64_t snapshot_records, bool other_damaged) {
    const auto half = half_of(medium, superblock, 1 - superblock.active_half);
    const auto claimed = first_sequence_in(half, superblock).value_or(0);
    const bool begins = claimed >= end.next_sequence;
    if (!begins && !other_damaged)
        return {};
    const auto first = begins ? claimed : end.next_sequence;
    const auto least = begins && claimed > end.next_sequence ? claimed : end.next_sequence + snapshot_records;
    const auto later = TRY(find_later_record(format::journal_seed(superblock.uuid, first), half, 0, least));
    if (!later)
        return {};
    return fail(
        EUCLEAN,
        "{}: {}, and record {} in the half of the journal that {} named is not in the state before it; "
        "restore "
        "the pool from a copy",
        medium.path(),
        other_damaged ? "the newest superblock is damaged" : "both superblocks are older than the journal",
        later->sequence, other_damaged ? "it" : "the newest one");
}

/// Named as empty, and used again since: both superblocks are of a time long before.
Status check_not_used_again(const media::Medium& medium, const Superblock& superblock, const ReplayEnd& end) {
    if (end.used > 0)
        return {};
    const auto first = first_sequence_in(half_of(medium, superblock, superblock.active_half), superblock);
    if (!first || *first <= superblock.first_sequence)
        return {};
    return fail(
        EUCLEAN,
        "{}: both superblocks are older than the journal: half {} begins with record {}, and they say {}; "
        "restore the pool from a copy",
        medium.path(), superblock.active_half, *first, superblock.first_sequence);
}

/// Of the first `size` bytes. On memory each line is loaded; a file's are left to the file system: to look at
/// holes can take room.
Status check_metadata(const media::Medium& medium, std::uint64_t size) {
    const auto metadata = part(medium.bytes(), 0, size);
    Status good;
    for (const auto& bad : medium.bad_extents())
        if (good && overlap(bad, {{0}, {metadata.size()}}))
            good = fail(EUCLEAN, "{} bytes at {} are a bad block", bad.size.bytes, bad.at.bytes);
    if (good && medium.durability() != media::Durability::page)
        good = media::check_readable(metadata, 0);
    if (good)
        return {};
    return fail(
        EUCLEAN,
        "{}: the pool's metadata, its first {} bytes, can't be read: {}; ndctl clear-errors makes zeros "
        "of what is bad, and pmemckpt-ctl check --repair then mends what can be",
        medium.path(), metadata.size(), good.error().message);
}

}  // namespace

Result<Recovered> recover(const media::Medium& medium) {
    TRY(check_metadata(medium, 2 * format::kSuperblockBytes));
    const auto choice = TRY(choose_superblock(medium));
    const auto& superblock = choice.superblock;
    TRY(format::check(superblock, medium.bytes().size(), medium.path()));
    TRY(check_metadata(medium, superblock.pages_offset));
    Recovered recovered;
    recovered.pages = PageStore::make({superblock.pages_offset, superblock.page_size, superblock.page_count});
    Replay replay(medium.path(), superblock, recovered.catalog, *recovered.pages);
    const auto end = TRY(replay.run(half_of(medium, superblock, superblock.active_half)));
    TRY(check_end(medium, superblock, end));
    TRY(check_not_used_again(medium, superblock, end));
    TRY(check_other_half(medium, superblock, end, recovered.catalog.snapshot_records(),
                         choice.other_damaged));
    recovered.position = {superblock, choice.slot, end.used, end.next_sequence, choice.other_differs};
    return recovered;
}

}  // namespace pmemckpt::pool
