#pragma once
// What one participant knows of one job: which sync points its checkpoint file holds, and who may ask for
// more. No I/O: whoever changes it makes it durable before he answers.
//
//             prepare                complete of a later one, beyond `keep`
//   (none) ──────────► prepared ──────────────┐
//     ▲                 │    │ complete       ▼
//     │     abort       │    └──────► complete ──► dropped
//     └─────────────────┘                 │
//        rollback to an earlier one ◄─────┘ (drops both kinds)
//
// A sync point is whole when all of its participants hold it: that, and no word of the coordinator's, makes
// it one. So its decision needs no log, and a participant that holds one in doubt goes on. "complete" says
// that the coordinator has seen all hold it, and that earlier ones may go. "abort" is a promise: one with
// such a number will never be held here.
#include <algorithm>
#include <optional>
#include <vector>

#include "lib/base/result.hh"
#include "lib/sync/sync_point.hh"

namespace pmemckpt::sync {

/// Sync points of one job that a participant holds at the same time; one more is refused.
inline constexpr std::size_t kMostHeld = 16;
/// Of these, complete ones: the rest is for those in doubt.
inline constexpr std::uint32_t kMostKept = 8;
/// The highest number: nobody gets there, and none is above it.
inline constexpr std::uint64_t kLastNumber = std::uint64_t{1} << 62;

/// Why a coordinator opens a job.
enum class Opening : std::uint8_t {
    again = 0,      ///< its connection was lost: only when the job is its own still, since its state is
    roll_back = 1,  ///< it will roll back, whoever has the job
    begin = 2,      ///< it was started: where no sync point is held, all programs begin anew with it
};

class Table {
public:
    struct Held {
        SyncPoint point;
        std::uint8_t complete = 0;
        static void fields(auto& s, auto& c) { c(s.point), c(s.complete); }
    };

    /// `keep` complete ones are kept, 1 to kMostKept.
    explicit Table(std::uint32_t keep = 2) { set_keep(keep); }
    void set_keep(std::uint32_t keep) { keep_ = std::clamp<std::uint32_t>(keep, 1, kMostKept); }

    /// A coordinator opens the job, for the first time or because its connection was lost: what was asked
    /// under an older term, and is still on its way, is refused from now on. Returns the new term. ESTALE
    /// of `again` when another one has it: what that one did the first knows nothing of. EINVAL when `why` is
    /// none of the reasons.
    Result<std::uint64_t> open(const Uuid& instance, Opening why = Opening::begin);
    /// ESTALE unless that is the newest opening.
    Status check(const Uuid& instance, std::uint64_t term) const;

    /// What prepare() would say, before the states are taken. EALREADY when it is held already, and the
    /// states need not come; ESTALE below the highest number there was; ENOSPC beyond kMostHeld; EUCLEAN
    /// when the program's own state was lost, and must be rolled back first.
    Status check_prepare(const SyncPointId& id) const;
    /// Both states are in the checkpoint file.
    Status prepare(SyncPoint point);
    /// ENOENT when it is not held, and was not dropped for a later one.
    Status complete(const SyncPointId& id);
    /// EBUSY when it is being rolled back to. One that was complete goes as well: who asks for it knows that
    /// another participant does not hold it any more.
    Status abort(const SyncPointId& id);
    /// Later ones are dropped, and the program is to be restored: pending_rollback(). ENOENT.
    Status begin_rollback(const SyncPointId& id);
    void end_rollback();
    /// The program has lost its state, at its start say: it must be rolled back, or begin anew with its
    /// coordinator.
    void lose_state() { state_lost_ = true; }

    const std::vector<Held>& held() const { return held_; }
    std::uint64_t highest() const { return highest_; }
    std::uint64_t term() const { return term_; }
    const Uuid& instance() const { return instance_; }
    std::optional<SyncPointId> pending_rollback() const;
    bool is_state_lost() const { return state_lost_; }
    bool must_roll_back() const { return rolling_back_ != 0 || is_state_lost(); }
    /// Of one that was read: whether this one could have come to be.
    bool is_sound() const;

    static void fields(auto& s, auto& c) {
        c(s.instance_), c(s.term_), c(s.highest_), c(s.held_), c(s.rolling_back_), c(s.rolls_back_to_);
    }

private:
    static Status check_number(const SyncPointId& id);
    Held* find(const SyncPointId& id);
    bool holds(const SyncPointId& id) const;
    bool was_dropped(const SyncPointId& id) const;
    void drop_old();

    Uuid instance_{};
    std::uint64_t term_ = 0, highest_ = 0;
    std::vector<Held> held_;  // in ascending order of their numbers
    std::uint8_t rolling_back_ = 0;
    SyncPointId rolls_back_to_;
    std::uint32_t keep_ = 1;  // this one and the next are of the running program, and not written
    bool state_lost_ = false;
};

}  // namespace pmemckpt::sync
