#include "lib/pool/replay.hh"

#include <cerrno>

namespace pmemckpt::pool {

Result<ReplayEnd> Replay::run(std::span<const std::byte> half) {
    const auto seed = format::journal_seed(superblock_, superblock_.first_sequence, key_);
    end_ = {0, superblock_.first_sequence};
    for (;;) {
        const auto record = format::read_record(seed, half, end_.used);
        if (!record || record->sequence != end_.next_sequence)
            break;
        if (const auto applied = apply(*record); !applied)
            return contradiction(*record, end_.used, applied.error());
        end_.used += record->length;
        ++end_.next_sequence;
    }
    const auto start = superblock_.half_offset[superblock_.active_half];
    if (format::is_forged_record(seed, half, end_.used))
        return forged_record(path_, *format::claimed_sequence(half, end_.used), start + end_.used);
    const auto replayed = end_.next_sequence - superblock_.first_sequence;
    if (replayed < superblock_.snapshot_records)
        return fail(EUCLEAN,
                    "{}: the journal is damaged at byte {}: {} of the snapshot's {} records are whole; "
                    "restore the pool from a copy",
                    path_, start + end_.used, replayed, superblock_.snapshot_records);
    catalog_.raise_next_region_id(superblock_.next_region_id);
    return end_;
}

tl::unexpected<Error> forged_record(const std::string& path, std::uint64_t sequence, std::uint64_t byte) {
    return fail(
        EKEYREJECTED,
        "{}: record {} at byte {} of the journal was not written by a manager with the pool's key: its "
        "checksum holds, and its MAC does not; find out who can write there, and restore the pool from "
        "a copy",
        path, sequence, byte);
}

bool Replay::in_snapshot(const format::RecordView& record) const {
    return record.sequence - superblock_.first_sequence < superblock_.snapshot_records;
}

tl::unexpected<Error> Replay::contradiction(const format::RecordView& record, std::uint64_t at,
                                            const Error& error) const {
    const auto byte = superblock_.half_offset[superblock_.active_half] + at;
    if (error.code == EPROTONOSUPPORT)
        return fail(error.code, "{}: record {} at byte {}: {}", path_, record.sequence, byte, error.message);
    return fail(EUCLEAN,
                "{}: the journal's record {} at byte {} contradicts those before it: {}; the pool is damaged",
                path_, record.sequence, byte, error.message);
}

Status Replay::check_version(const format::RecordView& record) const {
    if (record.version != format::kKindVersion)
        return fail(EPROTONOSUPPORT,
                    "records of kind {} have version {}, and this program knows version {}; use one "
                    "that knows it",
                    record.kind, record.version, format::kKindVersion);
    return {};
}

Status Replay::apply(const format::RecordView& record) {
    using format::Kind;
    if (record.kind < static_cast<std::uint16_t>(Kind::region_put) ||
        record.kind > static_cast<std::uint16_t>(Kind::rights_put))
        return fail(EPROTONOSUPPORT, "kind {} is not known to this program; use a newer one", record.kind);
    TRY(check_version(record));
    Discarded discarded;  // dies here: nobody holds a generation while a pool is being opened
    switch (static_cast<Kind>(record.kind)) {
        case Kind::region_put: return catalog_.apply(TRY(format::decode_region_put(record.body)));
        case Kind::region_drop:
            return catalog_.apply(TRY(format::decode_region_drop(record.body)), discarded);
        case Kind::generation_seal: return apply_seal(record);
        case Kind::generation_drop:
            return catalog_.apply(TRY(format::decode_generation_drop(record.body)), discarded);
        case Kind::generation_pin: return catalog_.apply(TRY(format::decode_generation_pin(record.body)));
        case Kind::region_clear:
            return catalog_.apply(TRY(format::decode_region_clear(record.body)), discarded);
        case Kind::log_grow: return apply_log(record);
        case Kind::cursor_put: return catalog_.apply(TRY(format::decode_cursor_put(record.body)));
        case Kind::cursor_drop: return catalog_.apply(TRY(format::decode_cursor_drop(record.body)));
        case Kind::rights_put: return catalog_.apply(TRY(format::decode_rights_put(record.body)));
    }
    return {};
}

/// Pages that generations of the same region own may have one owner more: the generation is a clone.
Status Replay::apply_seal(const format::RecordView& record) {
    auto seal = TRY(format::decode_generation_seal(record.body));
    const auto of_this_region = [&](format::PageExtent extent) {
        return seal.region_id != PageOwners::kNobody && owners_.all_of(extent, seal.region_id);
    };
    auto pages = std::make_shared<Pages>(TRY(pages_.claim(std::move(seal.extents), of_this_region)));
    const auto wanted = divide_up(seal.length, superblock_.page_size);
    if (pages->count() != wanted)
        return fail(EUCLEAN, "a generation of {} bytes takes {} pages, and has {}", seal.length, wanted,
                    pages->count());
    for (const auto extent : pages->extents())
        owners_.assign(extent, seal.region_id);
    Discarded discarded;
    return in_snapshot(record) ? catalog_.restore(seal, std::move(pages))
                               : catalog_.apply(seal, std::move(pages), discarded);
}

Status Replay::apply_log(const format::RecordView& record) {
    const auto grow = TRY(format::decode_log_grow(record.body));
    if (grow.extents.empty())
        return catalog_.apply(grow, nullptr);
    auto pages = std::make_shared<Pages>(TRY(pages_.claim(grow.extents)));
    for (const auto extent : pages->extents())
        owners_.assign(extent, PageOwners::kNobody);
    return catalog_.apply(grow, std::move(pages));
}

}  // namespace pmemckpt::pool
