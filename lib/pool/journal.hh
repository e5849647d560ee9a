#pragma once
// Where metadata gets durable: records appended to one half of the journal; when it is full, a snapshot into
// the other half, and the superblocks say so. man/pmemckpt-format.5, JOURNAL.
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "lib/base/result.hh"
#include "lib/format/record.hh"
#include "lib/format/superblock.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::pool {

using RecordSink = std::function<void(format::Kind, std::span<const std::byte>)>;

/// Says the whole present state as records: the same ones in the same order while it does not change.
class SnapshotSource {
public:
    virtual ~SnapshotSource() = default;
    virtual std::uint64_t next_region_id() const = 0;
    virtual std::uint64_t snapshot_records() const = 0;
    virtual void for_each_record(const RecordSink& sink) const = 0;
};

/// Where recovery found the journal's end.
struct JournalPosition {
    format::Superblock superblock;      ///< the one that counts
    unsigned slot = 0;                  ///< which copy that is: 0 (A) or 1 (B)
    std::uint64_t used = 0;             ///< bytes of the active half, to the end of the last record
    std::uint64_t next_sequence = 1;    ///< of the record to come
    bool other_copy_differs = false;    ///< the other superblock copy is damaged, or names another state
    std::optional<format::MacKey> key;  ///< what is written is written with it; none: nothing can be

    const format::MacKey* mac_key() const { return key ? &*key : nullptr; }
};

/// Whether a record makes the state larger. One that does leaves the journal's reserve alone; the others
/// (`keeps`: it says something of the same size anew) can use it, so that a full pool can still be taken over
/// and emptied.
enum class Effect { grows, keeps, shrinks };

/// Of the pool that the superblock is of; none without a manager key.
std::optional<format::MacKey> mac_key_of(const format::Superblock& superblock, const Key* manager_key);

/// Not thread-safe, but for the const functions. Who has no key can open one, and write nothing.
class Journal {
public:
    Journal(media::Medium& medium, const JournalPosition& position);

    /// Makes what recovery has read durable: it may have been stored by a process that ended before its
    /// persist. Brings the other superblock copy up to this one. EROFS, with nothing done, on a medium for
    /// reading only.
    Status settle();

    /// On success the record is durable; the caller then applies it in memory. ENOSPC: no room, nothing
    /// changed. Any failure to persist ends all writing (failed()): the record may be there after a restart,
    /// or not.
    Status append(format::Kind kind, std::span<const std::byte> body, Effect effect,
                  const SnapshotSource& source);

    /// A fresh snapshot in the other half, and both superblocks name it: the state on the medium is the
    /// source's from then on, whatever it was, and the half before does not lead up to it. ENOSPC: it does
    /// not fit, nothing changed. Otherwise as append().
    Status rewrite(const SnapshotSource& source);

    /// The same state, and all of it under another manager key: from the first superblock that is written on
    /// the pool is that key's. ENOSPC: the snapshot does not fit, nothing changed. Otherwise as append().
    Status rekey(const format::MacKey& key, const SnapshotSource& source);

    bool failed() const { return failed_; }
    /// EIO once it failed.
    Status check() const;
    std::uint64_t half_bytes() const { return half_bytes_; }
    std::uint64_t used_bytes() const { return used_; }
    std::uint64_t switches() const { return switches_; }  ///< since the pool was opened

private:
    const format::MacKey& key() const;
    Status switch_half(std::uint64_t record_bytes, std::uint64_t limit, const SnapshotSource& source,
                       const format::MacKey& key);
    Status measure(const SnapshotSource& source, std::uint64_t room, std::uint64_t& bytes) const;
    Status write_snapshot(const format::Superblock& next, std::uint64_t bytes, const SnapshotSource& source,
                          const format::MacKey& key);
    std::uint64_t written_bytes(unsigned half) const;
    Status blank_other_half();
    Status part_other_half(std::uint64_t used);
    Status publish(format::Superblock next, const format::MacKey& key);
    Status reserve(std::uint64_t end);
    Status persist(Extent extent);
    Extent in_half(unsigned half, std::uint64_t from, std::uint64_t to) const;

    media::Medium& medium_;
    const std::uint64_t half_bytes_;
    format::Superblock superblock_;  ///< as the newest copy on the medium has it
    unsigned slot_;
    bool other_copy_differs_;
    std::uint64_t next_sequence_;
    std::optional<format::MacKey> key_;
    std::uint64_t reserved_ = 0;  ///< bytes of the active half that are known to have their space
    std::atomic<std::uint64_t> used_;
    std::atomic<std::uint64_t> switches_ = 0;
    std::atomic<bool> failed_ = false;
};

}  // namespace pmemckpt::pool
