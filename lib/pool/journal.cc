#include "lib/pool/journal.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "lib/base/units.hh"

namespace pmemckpt::pool {

namespace {

/// The journal's space is taken in such steps, so that a sparse pool's journal stays sparse.
constexpr std::uint64_t kReserveStep = kMiB;

}  // namespace

std::optional<format::MacKey> mac_key_of(const format::Superblock& superblock, const Key* manager_key) {
    if (!manager_key)
        return std::nullopt;
    return format::MacKey(*manager_key, superblock.uuid);
}

Journal::Journal(media::Medium& medium, const JournalPosition& position)
    : medium_(medium),
      half_bytes_(position.superblock.half_size),
      superblock_(position.superblock),
      slot_(position.slot),
      other_copy_differs_(position.other_copy_differs),
      next_sequence_(position.next_sequence),
      key_(position.key),
      used_(position.used) {}

Extent Journal::in_half(unsigned half, std::uint64_t from, std::uint64_t to) const {
    return {{superblock_.half_offset[half] + from}, {to - from}};
}

Status Journal::check() const {
    if (failed_)
        return fail(
            EIO,
            "{}: the journal could not be written earlier; nothing can be changed until the medium is "
            "checked and the pool opened anew",
            medium_.path());
    return {};
}

const format::MacKey& Journal::key() const {
    require(key_.has_value(), "who writes to a journal has opened it with its key");
    return *key_;
}

Status Journal::persist(Extent extent) {
    auto status = medium_.persist(extent);
    if (!status)
        failed_ = true;
    return status;
}

Status Journal::settle() {
    TRY(medium_.persist(in_half(superblock_.active_half, 0, used_)));
    TRY(medium_.persist({{0}, {2 * format::kSuperblockBytes}}));
    // Cut before or in it: the copy that counts is untouched. Cut after: the same state, named by both.
    auto settled = superblock_;
    settled.former_key = {};
    if (other_copy_differs_)
        TRY(publish(settled, key()));
    other_copy_differs_ = false;
    return {};
}

Status Journal::append(format::Kind kind, std::span<const std::byte> body, Effect effect,
                       const SnapshotSource& source) {
    TRY(check());
    const auto bytes = format::record_bytes(body.size());
    const auto limit = effect == Effect::grows ? half_bytes_ - format::kJournalReserveBytes : half_bytes_;
    if (bytes > std::min(limit, format::kMaximumRecordBytes))
        return fail(ENOSPC,
                    "a record of {} bytes is too long for the pool's journal; the pool is too fragmented",
                    bytes);
    if (!fits({{used_}, {bytes}}, {limit}))
        TRY(switch_half(bytes, limit, source, key()));
    const auto end = used_ + bytes;
    TRY(reserve(end));
    const auto seed = format::journal_seed(superblock_, superblock_.first_sequence, &key());
    const auto extent = in_half(superblock_.active_half, used_, end);
    medium_.store(extent.at, format::frame_record(seed, next_sequence_, kind, body));
    TRY(persist(extent));  // cut before: the old state, and perhaps a torn tail; cut after: the new state
    used_ = end;
    ++next_sequence_;
    return {};
}

// Called before each store, the first one too: a medium that is for reading only refuses here, with an error.
Status Journal::reserve(std::uint64_t end) {
    if (reserved_ >= end)
        return {};
    // The page that the last record ends in has its space, and is not blanked beside it.
    const auto from =
        std::min(round_up(std::max<std::uint64_t>(used_, reserved_), format::kJournalAlignment), half_bytes_);
    const auto to = std::max(from, std::min(round_up(end, kReserveStep), half_bytes_));
    TRY(medium_.blank(in_half(superblock_.active_half, from, to)));
    reserved_ = to;
    return {};
}

Status Journal::measure(const SnapshotSource& source, std::uint64_t room, std::uint64_t& bytes) const {
    bytes = 0;
    source.for_each_record(
        [&](format::Kind, std::span<const std::byte> body) { bytes += format::record_bytes(body.size()); });
    if (bytes <= room)
        return {};
    return fail(ENOSPC,
                "the pool's journal is full: {} of its {} bytes are in use; destroy regions, or keep fewer "
                "generations in new ones",
                bytes, half_bytes_);
}

/// Its first record last: a half that begins with a record that verifies has all of the snapshot.
Status Journal::write_snapshot(const format::Superblock& next, std::uint64_t bytes,
                               const SnapshotSource& source, const format::MacKey& key) {
    const auto half = next.active_half;
    const auto seed = format::journal_seed(next, next_sequence_, &key);
    std::vector<std::byte> first;
    std::uint64_t at = 0;
    auto sequence = next_sequence_;
    source.for_each_record([&](format::Kind kind, std::span<const std::byte> body) {
        auto record = format::frame_record(seed, sequence++, kind, body);
        const auto size = record.size();
        if (at == 0)
            first = std::move(record);
        else
            medium_.store(in_half(half, at, at).at, record);
        at += size;
    });
    require(at == bytes, "a snapshot is as long as it was measured");
    // Cut before or after: both superblocks name the half in use, whole, and the other begins with nothing.
    TRY(persist(in_half(half, first.size(), bytes)));
    medium_.store(in_half(half, 0, 0).at, first);
    // Cut before or after: the superblocks name the half in use as before.
    return persist(in_half(half, 0, first.size()));
}

Status Journal::switch_half(std::uint64_t record_bytes, std::uint64_t limit, const SnapshotSource& source,
                            const format::MacKey& key) {
    std::uint64_t bytes = 0;
    TRY(measure(source, limit - record_bytes, bytes));
    const unsigned other = 1 - superblock_.active_half;
    const auto reserved = std::min(round_up(bytes + record_bytes, kReserveStep), half_bytes_);
    TRY(medium_.blank(in_half(other, 0, reserved)));

    format::Superblock next = superblock_;
    next.active_half = other;
    next.first_sequence = next_sequence_;
    next.snapshot_records = source.snapshot_records();
    next.next_region_id = source.next_region_id();
    next.manager_key = key.manager_key();
    next.former_key = next.manager_key == superblock_.manager_key ? PublicKey{} : superblock_.manager_key;
    TRY(write_snapshot(next, bytes, source, key));
    // Cut before or in it: the other copy names the old half, which nothing has touched, and the key of
    // before. Cut after: the new half, with the same state, and the new key.
    TRY(publish(next, key));
    // Both copies name the new half from here on: the loss of either one loses nothing. Cut before or in it:
    // the first one counts.
    next = superblock_;
    next.former_key = {};
    TRY(publish(next, key));
    key_ = key;
    next_sequence_ += next.snapshot_records;
    used_ = bytes;
    reserved_ = reserved;
    ++switches_;
    return {};
}

/// Behind them the half is zeros.
std::uint64_t Journal::written_bytes(unsigned half) const {
    const auto [at, size] = in_half(half, 0, half_bytes_);
    const auto bytes = std::as_const(medium_).bytes().subspan(at.bytes, size.bytes);
    const auto last =
        std::find_if(bytes.rbegin(), bytes.rend(), [](std::byte byte) { return byte != std::byte{}; });
    return static_cast<std::uint64_t>(bytes.rend() - last);
}

Status Journal::rewrite(const SnapshotSource& source) {
    TRY(check());
    const auto limit = half_bytes_ - format::kJournalReserveBytes;
    std::uint64_t bytes = 0;
    TRY(measure(source, limit, bytes));
    // A switch that was cut may have left records there that have the same sequences as those of a snapshot
    // now, and would verify behind it.
    TRY(blank_other_half());
    const auto used = used_.load();
    TRY(switch_half(0, limit, source, key()));
    return part_other_half(used);
}

Status Journal::blank_other_half() {
    const unsigned other = 1 - superblock_.active_half;
    const auto remains = in_half(other, 0, written_bytes(other));
    TRY(medium_.blank(remains));
    // Cut before or after: the superblocks name the half in use, and this one begins with nothing.
    return persist(remains);
}

/// What lies in the half before verifies with the former key alone, and leads nowhere.
Status Journal::rekey(const format::MacKey& key, const SnapshotSource& source) {
    TRY(check());
    const auto limit = half_bytes_ - format::kJournalReserveBytes;
    std::uint64_t bytes = 0;
    TRY(measure(source, limit, bytes));
    TRY(blank_other_half());
    return switch_half(0, limit, source, key);
}

/// The half before would lead up to this one's snapshot, as before a switch, and its state is another one: a
/// mend of the snapshot from there would bring back what was taken away. So its last record goes; what is
/// before that can be gone back to. Cut before or in it: nobody looks there while the half in use is whole.
Status Journal::part_other_half(std::uint64_t used) {
    const unsigned other = 1 - superblock_.active_half;
    const auto whole = in_half(other, 0, half_bytes_);
    const auto half = std::as_const(medium_).bytes().subspan(whole.at.bytes, whole.size.bytes);
    std::uint64_t last = 0;
    for (std::uint64_t at = 0, length = 0; at < used; at += length) {
        length = format::claimed_length(half, at);
        if (length == 0)
            return {};  // it leads nowhere
        last = at;
    }
    if (used == 0)
        return {};
    constexpr std::array<std::byte, format::kRecordHeaderBytes> kNothing{};
    const auto header = in_half(other, last, last + kNothing.size());
    medium_.store(header.at, kNothing);
    return persist(header);
}

/// Into the older copy's place, as the newest.
Status Journal::publish(format::Superblock next, const format::MacKey& key) {
    ++next.sequence;
    const unsigned slot = 1 - slot_;
    const Offset place{format::kSuperblockOffset[slot]};
    medium_.store(place, format::encode(next, key));
    TRY(persist({place, {format::kSuperblockBytes}}));
    superblock_ = next;
    slot_ = slot;
    return {};
}

}  // namespace pmemckpt::pool
