#pragma once
// What is checkpointed: a program, by the functions it gives.
#include <cstddef>
#include <functional>
#include <span>

#include "lib/base/result.hh"
#include "lib/sync/sync_point.hh"

namespace pmemckpt::sync {

/// Takes the next bytes of a state.
using Sink = std::function<Status(std::span<const std::byte>)>;
/// Gives the next bytes of a state, as many as are asked for while there are any; 0 at its end.
using Source = std::function<Result<std::size_t>(std::span<std::byte>)>;

/// What went wrong in the program is told as such: as ENOSPC, EACCES, ENOMEM, ETIMEDOUT or EIO. Other codes
/// mean something else in a session.
Error as_programs(Error error);

/// From threads of pmemckpt's; save and restore one at a time. What they write and read is theirs: so is its
/// byte order.
struct Program {
    /// Writes the program's state, as it is at one moment. Nothing of it changes till the sync point is held
    /// or has failed only if the program sees to it.
    std::function<Status(const SyncPointId&, const Sink&)> save;
    /// Puts the program back into a state that save() wrote. May be called again with the same one, after a
    /// crash in the middle of it.
    std::function<Status(const SyncPointId&, const Source&)> restore;
    /// Nobody goes back beyond this one any more. May be empty; may be called while one of the others runs.
    std::function<void(const SyncPointId&)> forget_before = {};
};

}  // namespace pmemckpt::sync
