#include "lib/pool/rescue.hh"

#include <algorithm>
#include <cerrno>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "lib/media/readable.hh"
#include "lib/pool/journal_scan.hh"
#include "lib/pool/replay.hh"

namespace pmemckpt::pool {

namespace {

using format::Superblock;

/// How much of the snapshot that a half begins with was found.
enum class Snapshot { partial, unknown, whole };

struct Copy {
    Superblock superblock;
    unsigned slot = 0;
};

struct Candidate {
    Superblock superblock;
    bool is_named = false;  ///< a superblock has these very numbers
    Snapshot snapshot = Snapshot::unknown;
    Recovered recovered;
    std::uint64_t next_sequence = 0;
};

/// The valid copies, the newest first; the medium may be shorter than they say. With a manager key: those
/// that were written with it.
std::vector<Copy> usable_superblocks(const media::Medium& medium, const Key* manager_key) {
    std::vector<Copy> usable;
    const auto bytes = medium.bytes();
    for (unsigned slot = 0; slot < 2; ++slot) {
        const auto offset = format::kSuperblockOffset[slot];
        if (!fits({{offset}, {format::kSuperblockBytes}}, {bytes.size()}))
            continue;
        const auto [state, superblock] =
            format::read_superblock(bytes.subspan(offset, format::kSuperblockBytes), manager_key);
        if (state == format::SuperblockState::valid &&
            format::check(superblock, superblock.pool_size, medium.path()))
            usable.push_back({superblock, slot});
    }
    std::ranges::sort(usable, std::greater<>(), [](const Copy& copy) { return copy.superblock.sequence; });
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
std::uint64_t count_snapshot_records(const format::JournalSeed& seed, std::uint64_t sequence,
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

std::uint64_t first_named(const std::vector<Copy>& copies) {
    std::uint64_t named = 0;
    for (const auto& copy : copies)
        named = std::max(named, copy.superblock.first_sequence);
    return named;
}

/// That a half has.
std::uint64_t records_at_most(const Superblock& superblock) {
    return superblock.half_size / format::kRecordHeaderBytes + 1;
}

/// A switch begins the other half with the sequence that follows; a repair that goes back to an older state
/// with one that none can have had. So what a repair has written and did not come to publish is known by
/// where it begins, and is whole: its first record was written last.
bool is_of_repair(std::uint64_t first, const std::vector<Copy>& copies) {
    return first > first_named(copies) + 2 * records_at_most(copies.front().superblock);
}

/// Nothing when the half does not begin with a record of this pool.
std::optional<Candidate> candidate_of(const media::Medium& medium, const std::vector<Copy>& copies,
                                      const format::MacKey* key, unsigned half) {
    auto superblock = copies.front().superblock;
    const auto bytes = half_of(medium, superblock, half);
    const auto first = format::claimed_sequence(bytes, 0).value_or(0);
    const auto seed = format::journal_seed(superblock, first, key);
    const auto record = format::read_record(seed, bytes, 0);
    if (!record || record->sequence != first || first < 1 || first > format::kMaximumSequence)
        return std::nullopt;
    for (const auto& copy : copies)
        if (copy.superblock.active_half == half && copy.superblock.first_sequence == first)
            return Candidate{copy.superblock, true, Snapshot::unknown, {}, first};
    superblock.active_half = half;
    superblock.first_sequence = first;
    superblock.snapshot_records = count_snapshot_records(seed, first, bytes);
    superblock.next_region_id = 1;
    const auto snapshot = is_of_repair(first, copies) ? Snapshot::whole : Snapshot::unknown;
    return Candidate{superblock, false, snapshot, {}, first};
}

void replay(const media::Medium& medium, const std::optional<format::MacKey>& key, Candidate& candidate) {
    const auto& superblock = candidate.superblock;
    auto& recovered = candidate.recovered;
    recovered.pages = PageStore::make({superblock.pages_offset, superblock.page_size, superblock.page_count});
    Replay replay(medium.path(), superblock, key ? &*key : nullptr, recovered.catalog, *recovered.pages);
    // What ends it is said by recover()'s error; the tables are those before it.
    (void)replay.run(half_of(medium, superblock, superblock.active_half));
    const auto& reached = replay.reached();
    candidate.next_sequence = reached.next_sequence;
    recovered.position = {superblock, 0, reached.used, reached.next_sequence, true, key};
    if (candidate.is_named)
        candidate.snapshot = reached.next_sequence - superblock.first_sequence < superblock.snapshot_records
                                 ? Snapshot::partial
                                 : Snapshot::whole;
}

/// Of the half that no superblock names, by the other one: a snapshot that follows on it has its state, and
/// one whose records lead up to it was whole.
void judge_snapshot(Candidate& candidate, const Candidate& other) {
    if (candidate.is_named || candidate.snapshot == Snapshot::whole)
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
    for (const auto& copy : usable_superblocks(medium, nullptr))
        TRY(readable(copy.superblock.pages_offset));
    return {};
}

/// Superblocks that are written from here on are newer than those that are there, and know of as many
/// regions.
void go_on_from(const std::vector<Copy>& copies, JournalPosition& position) {
    const auto& newest = copies.front();
    position.slot = newest.slot;
    position.superblock.sequence = newest.superblock.sequence;
    for (const auto& copy : copies)
        position.superblock.next_region_id =
            std::max(position.superblock.next_region_id, copy.superblock.next_region_id);
}

/// 0: the half does not begin with a record that verifies.
std::uint64_t first_in_half(std::span<const std::byte> half, const Superblock& superblock,
                            const format::MacKey* key) {
    const auto claimed = format::claimed_sequence(half, 0).value_or(0);
    const bool verifies = claimed <= format::kMaximumSequence &&
                          format::read_record(format::journal_seed(superblock, claimed, key), half, 0);
    return verifies ? claimed : 0;
}

}  // namespace

/// As it was written, and how much of it is not so any more. Nothing when a record there verifies and is
/// another one.
static std::optional<LostSnapshot> snapshot_of(const Catalog& catalog, const Superblock& superblock,
                                               const format::MacKey& key, std::span<const std::byte> half) {
    const auto seed = format::journal_seed(superblock, superblock.first_sequence, &key);
    LostSnapshot snapshot{{superblock.half_offset[superblock.active_half]}, {}, 0, 0};
    bool is_other = false;
    catalog.for_each_record([&](format::Kind kind, std::span<const std::byte> body) {
        const auto record =
            format::frame_record(seed, superblock.first_sequence + snapshot.records, kind, body);
        const auto at = snapshot.bytes.size();
        const bool is_there = fits({{at}, {record.size()}}, {half.size()}) &&
                              std::ranges::equal(half.subspan(at, record.size()), record);
        is_other = is_other || (!is_there && format::read_record(seed, half, at).has_value());
        snapshot.damaged_records += !is_there;
        ++snapshot.records;
        snapshot.bytes.insert(snapshot.bytes.end(), record.begin(), record.end());
    });
    if (is_other || snapshot.records != superblock.snapshot_records || snapshot.bytes.size() > half.size())
        return std::nullopt;
    return snapshot;
}

namespace {

/// What damaged the snapshot has not gone on behind it, where there may have been records: its last record is
/// whole, or the one that follows on it is.
bool is_damage_of_it_alone(const LostSnapshot& snapshot, const Superblock& superblock,
                           const format::MacKey& key, std::span<const std::byte> half) {
    const auto seed = format::journal_seed(superblock, superblock.first_sequence, &key);
    const auto next = format::read_record(seed, half, snapshot.bytes.size());
    if (next && next->sequence == superblock.first_sequence + snapshot.records)
        return true;
    std::uint64_t at = 0, last = 0;
    for (auto record = format::read_record(seed, snapshot.bytes, at); record;
         record = format::read_record(seed, snapshot.bytes, at)) {
        last = at;
        at += record->length;
    }
    return std::ranges::equal(half.subspan(last, snapshot.bytes.size() - last),
                              std::span(snapshot.bytes).subspan(last));
}

}  // namespace

std::optional<LostSnapshot> find_lost_snapshot(const media::Medium& medium, const Key& manager_key) {
    const auto copies = usable_superblocks(medium, &manager_key);
    if (copies.empty())
        return std::nullopt;
    const auto& superblock = copies.front().superblock;
    const auto key = mac_key_of(superblock, &manager_key);
    auto before = candidate_of(medium, copies, &*key, 1 - superblock.active_half);
    if (!before)
        return std::nullopt;
    replay(medium, key, *before);
    if (before->next_sequence != superblock.first_sequence)
        return std::nullopt;
    const auto half = half_of(medium, superblock, superblock.active_half);
    auto snapshot = snapshot_of(before->recovered.catalog, superblock, *key, half);
    if (!snapshot || snapshot->damaged_records == 0 ||
        !is_damage_of_it_alone(*snapshot, superblock, *key, half))
        return std::nullopt;
    return snapshot;
}

// What is lost may be in the half that a repair overwrites: then as much counts as could have been there,
/// and the
// same again after a cut.
Sequences sequences(const media::Medium& medium, const Recovered& rescued, const Key& manager_key) {
    const auto& [at, slot, used, next, differs, key] = rescued.position;
    const auto copies = usable_superblocks(medium, &manager_key);
    Sequences found{first_named(copies), next - 1, 0, 0};
    bool is_surely_newest = copies.size() == 2;
    for (const auto& copy : copies) {
        const auto& superblock = copy.superblock;
        is_surely_newest = is_surely_newest && superblock.active_half == at.active_half &&
                           superblock.first_sequence == at.first_sequence;
        found.largest = std::max(found.largest, superblock.first_sequence + superblock.snapshot_records - 1);
    }
    const auto bound =
        std::max(found.largest, std::max(found.named, at.first_sequence) + 2 * records_at_most(at));
    found.unused = bound + 1;
    for (unsigned half = 0; half < 2; ++half) {
        const auto bytes = half_of(medium, at, half);
        found.largest = std::max(found.largest, largest_claimed_sequence(bytes, bound));
        found.unused =
            std::max(found.unused, first_in_half(bytes, at, key ? &*key : nullptr) + records_at_most(at));
    }
    found.lost =
        is_of_repair(at.first_sequence, copies) ? 0 : (is_surely_newest ? found.largest : bound) + 1 - next;
    return found;
}

Result<Rescued> rescue(const media::Medium& medium, const Key* manager_key) {
    TRY(check_metadata_readable(medium));
    auto recovered = recover(medium, manager_key);
    if (recovered)
        return Rescued{std::move(*recovered), std::nullopt, {}};
    const auto copies = usable_superblocks(medium, manager_key);
    if (recovered.error().code == EPROTONOSUPPORT || copies.empty())
        return tl::unexpected<Error>(std::move(recovered).error());
    const auto key = mac_key_of(copies.front().superblock, manager_key);
    std::vector<Candidate> candidates;
    for (unsigned half = 0; half < 2; ++half) {
        auto candidate = candidate_of(medium, copies, key ? &*key : nullptr, half);
        if (!candidate)
            continue;
        candidates.push_back(std::move(*candidate));
        replay(medium, key, candidates.back());
    }
    if (candidates.empty())
        return tl::unexpected<Error>(std::move(recovered).error());
    if (candidates.size() == 2) {
        judge_snapshot(candidates[0], candidates[1]);
        judge_snapshot(candidates[1], candidates[0]);
    }
    auto& best = *std::ranges::max_element(candidates, is_worse);
    auto state = describe(best);
    go_on_from(copies, best.recovered.position);
    return Rescued{std::move(best.recovered), std::move(recovered).error(), std::move(state)};
}

}  // namespace pmemckpt::pool
