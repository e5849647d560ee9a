#pragma once
// Makes a damaged pool one that a manager can serve: what can't be good goes, what verifies stays.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.hh"
#include "lib/media/medium.hh"
#include "lib/pool/check.hh"
#include "lib/pool/contents.hh"

namespace pmemckpt::pool {

struct RepairOptions {
    /// Go back to an older state when the newest can't be had: what was reported since is lost.
    bool older_state = false;
};

struct Change {
    std::string where;    ///< as in a Finding
    std::string message;  ///< what is done and why, a sentence with the numbers in it
};

/// Records that verify, and that the repaired pool has no place for.
struct LogRemains {
    std::string region;
    std::uint64_t generation = 0;  ///< that the log follows; 0: none
    bool behind_end = false;       ///< not the log's: of those behind the first that does not verify
    std::uint64_t records = 0, first = 0, last = 0;  ///< their numbers; behind the end with gaps
    std::uint64_t bytes = 0;                         ///< of their payloads
    /// The payloads, in pieces, one record after the other. May be called while `keep` is.
    std::function<Status(const PieceTaker&)> read;
};

struct OlderState {
    std::string state;  ///< which one it is
    /// Of the journal's records that came after it, as far as the medium tells; none: 0.
    std::uint64_t first_lost = 0, last_lost = 0;
};

struct RepairPlan {
    std::vector<Change> changes;
    std::vector<LogRemains> remains;
    std::optional<OlderState> older;
    /// Nothing behind the first so many bytes of the medium is written.
    std::uint64_t metadata_bytes = 0;
};

struct RepairHooks {
    CheckProgress progress;  ///< of two checks, one after the other
    /// Before anything is changed: to keep a copy of the metadata, and what remains. Its error ends the
    /// repair. It is called a second time, with all that the plan has by then, when a snapshot was written
    /// anew by the first step and something else is to be done.
    std::function<Status(const RepairPlan&)> keep;
};

struct RepairReport {
    CheckReport before;
    CheckReport after;  ///< the same, when nothing was changed
    RepairPlan plan;    ///< without changes: nothing was to be done, or could be
};

/// Takes out of the tables what does not verify and what depends on it, and makes the rest durable as the
/// pool's new state, by one switch of the journal's half. Cut at any time, the pool is as it was before, or
/// repaired. A second call changes nothing. Generations, records, cursors, pins and settings that are good
/// stay, and no number goes back. `after` has the findings that can't be mended without loss.
///
/// Not while the medium is used by anyone else: its lock is held by the caller. EUCLEAN when it can't be
/// repaired, or only with options.older_state, EKEYREJECTED when nothing on it was written with the manager
/// key; ENOSPC when the journal or the disk has no room, EIO when the
/// disk fails: then the medium is as it was before, or repaired.
Result<RepairReport> repair(media::Medium& medium, const Key& manager_key, const RepairOptions& options,
                            const RepairHooks& hooks);

}  // namespace pmemckpt::pool
