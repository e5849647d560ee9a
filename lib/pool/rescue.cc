#include "lib/pool/rescue.hh"

#include <algorithm>
#include <cerrno>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "lib/media/inspect.hh"
#include "lib/pool/replay.hh"

namespace pmemckpt::pool {

namespace {

using format::Superblock;

/// How much of the snapshot that a half begins with was found.
enum class Snapshot { partial, unknown, whole };

struct Candidate {
    Superblock superblock;
    bool is_named = false;  ///< a superblock has these very numbers
    Snapshot snapshot = Snapshot::unknown;
    Recovered recovered;
    std::uint64_t next_sequence = 0;
};

/// The valid copies, the newest first; the medium may be shorter than they say.
std::vector<Superblock> usable_superblocks(const media::Medium& medium) {
    std::vector<Superblock> usable;
    const auto bytes = medium.bytes();
    for (const auto offset : format::kSuperblockOffset) {
        if (!fits({{offset}, {format::kSuperblockBytes}}, {bytes.size()}))
            continue;
        const auto [state, superblock] =
            format::read_superblock(bytes.subspan(offset, format::kSuperblockBytes));
        if (state == format::SuperblockState::valid &&
            format::check(superblock, superblock.pool_size, medium.path()))
            usable.push_back(superblock);
    }
    std::ranges::sort(usable, std::greater<>(), &Superblock::sequence);
    return usable;
}

/// What of the half lies on the medium.
std::span<const std::byte> half_of(const media::Medium& medium, const Superblock& superblock, unsigned half) {
    const auto bytes = medium.bytes();
    const auto at = std::min<std::uint64_t>(superblock.half_offset[half], bytes.size());
    return bytes.subspan(at, std::min<std::uint64_t>(superblock.half_size, bytes.size() - at));
}

/// Of a half that no superblock names: only in a snapshot does a generation have a number that its region has
/// given before.
std::uint64_t count_snapshot_records(std::uint32_t seed, std::uint64_t sequence,
                                     std::span<const std::byte> half) {
    std::map<std::uint64_t, std::uint64_t> next_numbers;  // by region
    std::uint64_t at = 0, records = 0, counted = 0;
    for (auto record = format::read_record(seed, half, at); record && record->sequence == sequence + records;
         record = format::read_record(seed, half, at)) {
        at += record->length;
        ++records;
        if (record->kind == static_cast<std::uint16_t>(format::Kind::region_put)) {
            if (const auto put = format::decode_region_put(record->body))
                next_numbers[put->id] = put->next_number;
        } else if (record->kind == static_cast<std::uint16_t>(format::Kind::generation_seal)) {
            const auto seal = format::decode_generation_seal(record->body);
            if (seal && seal->number < next_numbers[seal->region_id])
                counted = records;
            else if (seal)
                next_numbers[seal->region_id] = seal->number + 1;
        }
    }
    return counted;
}

/// Nothing when the half does not begin with a record of this pool.
std::optional<Candidate> candidate_of(const media::Medium& medium, const std::vector<Superblock>& superblocks,
                                      unsigned half) {
    const auto bytes = half_of(medium, superblocks.front(), half);
    const auto first = format::claimed_sequence(bytes, 0).value_or(0);
    const auto seed = format::journal_seed(superblocks.front().uuid, first);
    const auto record = format::read_record(seed, bytes, 0);
    if (!record || record->sequence != first || first < 1 || first > format::kMaximumSequence)
        return std::nullopt;
    for (const auto& superblock : superblocks)
        if (superblock.active_half == half && superblock.first_sequence == first)
            return Candidate{superblock, true, Snapshot::unknown, {}, first};
    auto superblock = superblocks.front();
    superblock.active_half = half;
    superblock.first_sequence = first;
    superblock.snapshot_records = count_snapshot_records(seed, first, bytes);
    superblock.next_region_id = 1;
    return Candidate{superblock, false, Snapshot::unknown, {}, first};
}

void replay(const media::Medium& medium, Candidate& candidate) {
    const auto& superblock = candidate.superblock;
    auto& recovered = candidate.recovered;
    recovered.pages = PageStore::make({superblock.pages_offset, superblock.page_size, superblock.page_count});
    Replay replay(medium.path(), superblock, recovered.catalog, *recovered.pages);
    // What ends it is said by recover()'s error; the tables are those before it.
    (void)replay.run(half_of(medium, superblock, superblock.active_half));
    const auto& reached = replay.reached();
    candidate.next_sequence = reached.next_sequence;
    recovered.position = {superblock, 0, reached.used, reached.next_sequence, true};
    if (candidate.is_named)
        candidate.snapshot = reached.next_sequence - superblock.first_sequence < superblock.snapshot_records
                                 ? Snapshot::partial
                                 : Snapshot::whole;
}

/// Of the half that no superblock names, by the other one: a snapshot that follows on it has its state, and
/// one whose records lead up to it was whole.
void judge_snapshot(Candidate& candidate, const Candidate& other) {
    if (candidate.is_named)
        return;
    if (candidate.next_sequence == other.superblock.first_sequence)
        candidate.snapshot = Snapshot::whole;
    else if (other.next_sequence == candidate.superblock.first_sequence)
        candidate.snapshot = candidate.next_sequence - candidate.superblock.first_sequence <
                                     other.recovered.catalog.snapshot_records()
                                 ? Snapshot::partial
                                 : Snapshot::whole;
}

bool is_worse(const Candidate& a, const Candidate& b) {
    return std::tuple(a.snapshot, a.next_sequence) < std::tuple(b.snapshot, b.next_sequence);
}

std::string describe(const Candidate& candidate) {
    const auto& superblock = candidate.superblock;
    auto text = fmt::format(
        "the state after record {}, the last of {} that follow on each other in half {} of "
        "the journal",
        candidate.next_sequence - 1, candidate.next_sequence - superblock.first_sequence,
        superblock.active_half);
    if (candidate.snapshot == Snapshot::partial && candidate.is_named)
        text +=
            fmt::format("; its snapshot has {} records, so it is not all of it", superblock.snapshot_records);
    else if (candidate.snapshot != Snapshot::whole)
        text += "; its snapshot may not be all of it";
    return text;
}

/// Superblocks first: they say how much of the rest there is.
Status check_metadata_readable(const media::Medium& medium) {
    const auto bytes = medium.bytes();
    const auto readable = [&](std::uint64_t size) -> Status {
        const auto read = media::check_readable(bytes.first(std::min<std::uint64_t>(size, bytes.size())), 0);
        return read ? read
                    : fail(EUCLEAN, "{}: its metadata is damaged: {}", medium.path(), read.error().message);
    };
    TRY(readable(2 * format::kSuperblockBytes));
    for (const auto& superblock : usable_superblocks(medium))
        TRY(readable(superblock.pages_offset));
    return {};
}

}  // namespace

Result<Rescued> rescue(const media::Medium& medium) {
    TRY(check_metadata_readable(medium));
    auto recovered = recover(medium);
    if (recovered)
        return Rescued{std::move(*recovered), std::nullopt, {}};
    const auto superblocks = usable_superblocks(medium);
    if (recovered.error().code == EPROTONOSUPPORT || superblocks.empty())
        return tl::unexpected<Error>(std::move(recovered).error());
    std::vector<Candidate> candidates;
    for (unsigned half = 0; half < 2; ++half) {
        auto candidate = candidate_of(medium, superblocks, half);
        if (!candidate)
            continue;
        candidates.push_back(std::move(*candidate));
        replay(medium, candidates.back());
    }
    if (candidates.empty())
        return tl::unexpected<Error>(std::move(recovered).error());
    if (candidates.size() == 2) {
        judge_snapshot(candidates[0], candidates[1]);
        judge_snapshot(candidates[1], candidates[0]);
    }
    auto& best = *std::ranges::max_element(candidates, is_worse);
    auto state = describe(best);
    return Rescued{std::move(best.recovered), std::move(recovered).error(), std::move(state)};
}

}  // namespace pmemckpt::pool
