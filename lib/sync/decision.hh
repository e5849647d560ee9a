#pragma once
// What a coordinator concludes from the participants' tables. No I/O.
#include <span>
#include <vector>

#include "lib/base/result.hh"
#include "lib/sync/table.hh"

namespace pmemckpt::sync {

/// One participant, as it answered when the job was opened.
struct Standing {
    Uuid participant{};
    std::uint64_t highest = 0;
    std::vector<Table::Held> held;
};

/// The newest sync point that all of its participants hold: the one a job is rolled back to. ENOENT when
/// there is none. EHOSTUNREACH when a newer one has a participant that is not asked here: it may be whole,
/// and nothing is guessed.
Result<SyncPoint> newest_whole(std::span<const Standing> all);
/// That one, if it is whole: ENOENT, EHOSTUNREACH as above.
Result<SyncPoint> whole(std::span<const Standing> all, std::uint64_t number);
/// The number of the next one: above all that any of them has seen.
std::uint64_t next_number(std::span<const Standing> all);

}  // namespace pmemckpt::sync
