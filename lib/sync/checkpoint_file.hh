#pragma once
// Where a participant keeps the states of its job's sync points, and its table. What commit() has returned
// for is there after a crash of anything; a crash before leaves what the commit before said.
//
//     begin ──► write, write, ... ──► finish      both states are durable, and nobody refers to them
//                                       └──► commit      now the table does
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.hh"
#include "lib/base/units.hh"
#include "lib/sync/digest.hh"
#include "lib/sync/table.hh"

namespace pmemckpt::sync {

/// Bytes [at, at + bytes), of the file, or of what `at` names there.
struct Segment {
    std::uint64_t at = 0, bytes = 0;
    static void fields(auto& s, auto& c) { c(s.at), c(s.bytes); }
};

/// Where the states of a sync point are: the coordinator's, and the participant's behind it.
struct Place {
    SyncPointId id;
    Digest participant_digest{};
    std::vector<Segment> segments;  ///< one after the other
    static void fields(auto& s, auto& c) { c(s.id), c(s.participant_digest), c(s.segments); }
};

/// All that a participant has to know when it starts.
struct Snapshot {
    Uuid participant{};
    std::array<std::uint8_t, 32> seed{};  ///< of its Ed25519 key: with this file, one is this participant
    std::string job;                      ///< empty: nobody has opened one
    Table table;
    std::vector<Place> places;
    static void fields(auto& s, auto& c) { c(s.participant), c(s.seed), c(s.job), c(s.table), c(s.places); }
};

/// A new participant that nobody knows.
Snapshot new_participant();

/// Threads: one at a time; a draft may be written beside.
class CheckpointFile {
public:
    /// The states of one sync point, while they are written. One at a time; it lives till it is committed, or
    /// leaves nothing.
    class Draft {
    public:
        virtual ~Draft() = default;
        /// The next bytes: first all of the coordinator's state, then the participant's. ENOSPC.
        virtual Status write(std::span<const std::byte> bytes) = 0;
        /// What was written is durable.
        virtual Result<std::vector<Segment>> finish() = 0;
    };

    virtual ~CheckpointFile() = default;
    /// As the last commit left it; a new one has new_participant().
    virtual const Snapshot& snapshot() const = 0;
    virtual Result<std::unique_ptr<Draft>> begin(const SyncPointId& id) = 0;
    /// Durable on return, and what no place of it needs any more is free. EMSGSIZE, EAGAIN: the former one
    /// stands. After any other error it is not known which one is there: this file can't be used any more.
    virtual Status commit(Snapshot next) = 0;
    /// Bytes of one of the places of the snapshot.
    virtual Status read(const Place& place, Offset from, std::span<std::byte> into) const = 0;
    /// For people.
    virtual std::string name() const = 0;
};

/// One plain file, used again for each sync point: made, mode 0600, when it is not there. EBUSY when another
/// participant has it; EBADMSG when it is damaged, or something else; EPERM when others may use it; ENOSPC,
/// EACCES, EIO.
Result<std::unique_ptr<CheckpointFile>> open_one_file(const std::string& path);
/// A directory with a new file for each sync point, NUMBER-TAG.state, and "table": the same.
Result<std::unique_ptr<CheckpointFile>> open_file_each(const std::string& directory);

}  // namespace pmemckpt::sync
