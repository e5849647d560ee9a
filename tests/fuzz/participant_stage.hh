#pragma once
// A participant that serves files, without a network: its job, its checkpoint file in memory, a directory
// that is served, and what it must not touch beside it.
#include <map>
#include <memory>
#include <string>

#include "lib/sync/job.hh"
#include "tests/fuzz/target.hh"
#include "utils/pmemckpt-filed/files.hh"

namespace pmemckpt::fuzz {

class ParticipantStage {
public:
    ParticipantStage();
    ~ParticipantStage();
    ParticipantStage(const ParticipantStage&) = delete;
    ParticipantStage& operator=(const ParticipantStage&) = delete;

    /// As if it had been ended and started again.
    void start_anew();
    /// One connection, of alice: what it sends once it has proved who it is, to its end.
    void connect(std::span<const std::byte> stream);
    /// What lies beside the served directory is as it was.
    void check_outside() const;

    /// Which sync point the job holds last.
    sync::Job& job() { return *job_; }

private:
    using Tree = std::map<std::string, std::string>;
    Tree tree() const;
    sync::Program program();

    const std::string served_, outside_;
    std::unique_ptr<filed::Files> files_;
    std::unique_ptr<sync::Job> job_;
    std::map<sync::SyncPointId, Tree> saved_;
    std::uint64_t connections_ = 0;
};

}  // namespace pmemckpt::fuzz
