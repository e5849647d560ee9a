#pragma once
// One job at one participant: its table, its checkpoint file, and the program that is checkpointed. No
// network. Each change is durable before the call returns.
//
// Lock order: the program, then the table. Saving and restoring hold the first alone, so a coordinator that
// opens the job anew is answered while one is under way, and what that one leads to is refused after it.
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "lib/sync/checkpoint_file.hh"
#include "lib/sync/messages.hh"
#include "lib/sync/program.hh"

namespace pmemckpt::sync {

/// 1 to 255 bytes, without spaces: EINVAL.
Status check_job_name(const std::string& name);

/// Which opening of the job asks.
struct Asker {
    Uuid instance{};
    std::uint64_t term = 0;
};

/// The connection that asks. It is cut when another one opens the job: what it has begun must not hold up
/// that one.
struct Line {
    const void* which = nullptr;
    std::function<void()> cut;
};

/// Threads: all calls may come from any thread.
class Job {
public:
    /// Finishes a rollback in whose middle the participant was killed. Otherwise, when the file holds a sync
    /// point, the program must be rolled back before another one is taken. `keep` complete ones are kept.
    static Result<std::unique_ptr<Job>> open(std::unique_ptr<CheckpointFile> file, Program program,
                                             std::uint32_t keep = 2);

    /// EBUSY when the file is another job's; ESTALE as Table::open(). EIO, from then on and from all calls,
    /// when it could not be written: what is in it is known when the participant is started anew.
    Result<Opened> open(const std::string& name, const Uuid& instance, Opening why = Opening::begin,
                        Line line = {});
    /// It can't be cut any more.
    void forget_line(const void* which);
    /// Keeps the coordinator's state, of which as much is read as was announced, and saves the program behind
    /// it. Returns the bytes of the program's state. EINVAL; EBADMSG, when it is not the state that was
    /// announced; as Table::check() and Table::check_prepare(); what the program gives.
    Result<std::uint64_t> prepare(const Asker& asker, SyncPoint point, const Source& coordinator_state);
    Status complete(const Asker& asker, const SyncPointId& id);
    Status abort(const Asker& asker, const SyncPointId& id);
    /// Whether both states are what they were when they were kept: EBADMSG.
    Status verify(const Asker& asker, const SyncPointId& id) const;
    /// The program is restored on return. EBADMSG when one of the states does not verify: then nothing has
    /// changed; but when it was good, and was not what the program was restored from, it must be rolled back
    /// again, as after what the program gives. ENOENT; ESTALE.
    Result<SyncPoint> rollback(const Asker& asker, const SyncPointId& id);
    /// Of a sync point that is held.
    Status read_coordinator_state(const SyncPointId& id, const Sink& sink) const;
    /// ESTALE unless this coordinator has the job open; EUCLEAN when the program must be rolled back first.
    Status check_instance(const std::string& name, const Uuid& instance) const;
    /// EUCLEAN when a rollback has not ended.
    Status check_is_restored() const;
    JobListed listed() const;
    /// The checkpoint file could not be written, and what it holds is not known: nothing may be told of what
    /// was asked.
    bool has_failed() const;
    const Snapshot& identity() const { return identity_; }

private:
    struct Kept {
        SyncPoint point;
        Place place;
    };

    Job(std::unique_ptr<CheckpointFile> file, Program program, std::uint32_t keep);
    Status begin();
    void give_up_file(const Error& why);
    template <class Change>
    Status change(Change&& change);
    Result<Kept> find(const SyncPointId& id) const;
    Result<std::unique_ptr<CheckpointFile::Draft>> begin_draft(const Asker& asker, const SyncPoint& point);
    Status check_point(const SyncPoint& point) const;
    Status write_states(CheckpointFile::Draft& draft, SyncPoint& point, Digest& digest, const Source& state);
    Status verify(const Kept& kept) const;
    Status restore(const Kept& kept);
    Status read(const Place& place, Extent range, const Sink& sink) const;

    const std::unique_ptr<CheckpointFile> file_;
    const Program program_;
    const Snapshot identity_;  // of which the UUID and the seed never change

    std::mutex program_mutex_;

    mutable std::mutex mutex_;  // guards all below, and the file but for a draft
    Table table_;
    std::string name_;
    std::optional<Error> failed_;
    Line line_;  // of who opened it last
};

}  // namespace pmemckpt::sync
