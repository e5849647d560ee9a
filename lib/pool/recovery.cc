#include "lib/pool/recovery.hh"

#include <cerrno>

#include "lib/base/log.hh"
#include "lib/pool/journal_scan.hh"
#include "lib/pool/replay.hh"
#include "lib/pool/superblock_choice.hh"

namespace pmemckpt::pool {

namespace {

using format::Superblock;

std::span<const std::byte> half_of(const media::Medium& medium, const Superblock& superblock, unsigned half) {
    return medium.bytes().subspan(superblock.half_offset[half], superblock.half_size);
}

/// As find_later_record, in half `index`. What it finds shows that something is wrong, whoever wrote it:
/// EKEYREJECTED when it is a forged one.
Result<std::optional<FoundRecord>> find_whole_record(const media::Medium& medium,
                                                     const Superblock& superblock, unsigned index,
                                                     const format::JournalSeed& seed, std::uint64_t from,
                                                     std::uint64_t least) {
    const auto half = half_of(medium, superblock, index);
    const auto found = TRY(find_later_record(seed.without_key(), half, from, least));
    if (found && format::is_forged_record(seed, half, found->at))
        return forged_record(medium.path(), found->sequence, superblock.half_offset[index] + found->at);
    return found;
}

/// A whole record after the end: what lies between was a record too, and is lost.
Status check_end(const media::Medium& medium, const Superblock& superblock, const format::MacKey* key,
                 const ReplayEnd& end) {
    const auto half = half_of(medium, superblock, superblock.active_half);
    const auto start = superblock.half_offset[superblock.active_half];
    const auto seed = format::journal_seed(superblock, superblock.first_sequence, key);
    const auto later =
        TRY(find_whole_record(medium, superblock, superblock.active_half, seed, end.used, end.next_sequence));
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
/// half, by its checksum alone.
std::optional<std::uint64_t> first_sequence_in(std::span<const std::byte> half,
                                               const Superblock& superblock) {
    const auto claimed = format::claimed_sequence(half, 0);
    if (!claimed || !format::read_record(format::journal_seed(superblock, *claimed), half, 0))
        return std::nullopt;
    return claimed;
}

/// The newest superblock may be the damaged one, or both copies older than the journal. Then the other half
/// has a snapshot that follows on ours; when it is of the same state and nothing came after it, the power
/// failed before the superblock was written whole, and nothing is lost. Any more than that, and the state
/// that this superblock names is an older one.
Status check_other_half(const media::Medium& medium, const Superblock& superblock, const format::MacKey* key,
                        const ReplayEnd& end, std::uint64_t snapshot_records, bool other_damaged) {
    const unsigned other = 1 - superblock.active_half;
    const auto claimed = first_sequence_in(half_of(medium, superblock, other), superblock).value_or(0);
    const bool begins = claimed >= end.next_sequence;
    if (!begins && !other_damaged)
        return {};
    const auto first = begins ? claimed : end.next_sequence;
    const auto least = begins && claimed > end.next_sequence ? claimed : end.next_sequence + snapshot_records;
    const auto seed = format::journal_seed(superblock, first, key);
    const auto later = TRY(find_whole_record(medium, superblock, other, seed, 0, least));
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
Status check_not_used_again(const media::Medium& medium, const Superblock& superblock,
                            const format::MacKey* key, const ReplayEnd& end) {
    if (end.used > 0)
        return {};
    const auto half = half_of(medium, superblock, superblock.active_half);
    const auto first = first_sequence_in(half, superblock);
    if (!first || *first <= superblock.first_sequence)
        return {};
    if (format::is_forged_record(format::journal_seed(superblock, *first, key), half, 0))
        return forged_record(medium.path(), *first, superblock.half_offset[superblock.active_half]);
    return fail(
        EUCLEAN,
        "{}: both superblocks are older than the journal: half {} begins with record {}, and they say {}; "
        "restore the pool from a copy",
        medium.path(), superblock.active_half, *first, superblock.first_sequence);
}

}  // namespace

Result<Recovered> recover(const media::Medium& medium, const Key* manager_key) {
    const auto choice = TRY(choose_superblock(medium, manager_key));
    const auto& superblock = choice.superblock;
    TRY(format::check(superblock, medium.bytes().size(), medium.path()));
    TRY(check_metadata(medium, superblock.pages_offset));
    Recovered recovered;
    auto& position = recovered.position;
    position = {superblock, choice.slot, 0, 0, choice.other_differs, mac_key_of(superblock, manager_key)};
    const auto* key = position.mac_key();
    recovered.pages = PageStore::make({superblock.pages_offset, superblock.page_size, superblock.page_count});
    Replay replay(medium.path(), superblock, key, recovered.catalog, *recovered.pages);
    const auto end = TRY(replay.run(half_of(medium, superblock, superblock.active_half)));
    TRY(check_end(medium, superblock, key, end));
    TRY(check_not_used_again(medium, superblock, key, end));
    TRY(check_other_half(medium, superblock, key, end, recovered.catalog.snapshot_records(),
                         choice.other_damaged));
    position.used = end.used;
    position.next_sequence = end.next_sequence;
    return recovered;
}

}  // namespace pmemckpt::pool
