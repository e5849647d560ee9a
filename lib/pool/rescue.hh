#pragma once
// What can still be had of a pool that recover() refuses: the newest state that its journal leads to.
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.hh"
#include "lib/media/medium.hh"
#include "lib/pool/recovery.hh"

namespace pmemckpt::pool {

struct Rescued {
    /// Its position is one that a Journal can go on from: a superblock that it writes is the newest.
    /// Consistent in itself; its pages may hold newer bytes, which checksums show.
    Recovered recovered;
    std::optional<Error> refused;  ///< why recover() refuses; none: it does not, and this is its state
    std::string state;             ///< which state it is, when recover() refuses
};

/// recover(), and what it refuses as damaged is gone round: a superblock copy is enough, records count up to
/// the first that does not verify, and where a snapshot is not whole the half of the journal before it is
/// taken. The medium may be cut short: pages may lie beyond its end. Changes nothing. recover()'s error when
/// nothing is left, and always when the format is not known here (EPROTONOSUPPORT). Also EUCLEAN when the
/// disk can't give the metadata. With the manager key, what was not written with it counts as damaged;
/// without it, none, checksums are all that is verified.
Result<Rescued> rescue(const media::Medium& medium, const Key* manager_key);

/// A snapshot that is damaged, as it was written: the half before it leads up to it, and has the same state.
struct LostSnapshot {
    Offset at;  ///< in the medium
    std::vector<std::byte> bytes;
    std::uint64_t damaged_records = 0, records = 0;
};
/// Nothing when that of the newest superblock is whole, or can't be had so; nor when records behind it may be
/// lost as well.
std::optional<LostSnapshot> find_lost_snapshot(const media::Medium& medium, const Key& manager_key);

/// The numbers of the journal's records that are on a medium besides those of a rescued state.
struct Sequences {
    std::uint64_t named = 0;    ///< of the first record of the state that the newest superblock names
    std::uint64_t largest = 0;  ///< that any record has, or claims to have, and may have
    std::uint64_t lost = 0;     ///< so many records may have been behind the rescued state, at most
    std::uint64_t unused = 0;   ///< no record can have had this one or a larger one
};
Sequences sequences(const media::Medium& medium, const Recovered& rescued, const Key& manager_key);

}  // namespace pmemckpt::pool
