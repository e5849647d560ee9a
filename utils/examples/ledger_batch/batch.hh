#pragma once
// One life of the batch: from the newest sync point to the end, or to the first thing that fails.
#include <pmemckpt/sync.hh>

#include <cstdint>
#include <string>

#include "utils/examples/ledger_batch/ledger.hh"
#include "utils/examples/ledger_batch/settings.hh"

namespace ledger_batch {

namespace sync = pmemckpt::api::sync;

/// A line on standard error.
void tell(const std::string& sentence);

class Batch {
public:
    /// Reaches the services, and all go to the newest sync point of the job; where there is none yet, the
    /// first one is taken. What fails, then or later, is thrown, and the way on is another Batch. `newest` is
    /// the sync point that was taken last, or gone back to.
    Batch(const Settings& settings, std::uint64_t& newest);
    /// To the end of the transactions.
    void run();

private:
    sync::Coordinator start();
    void save(sync::Sink& sink) const;
    void restore(sync::Source& source);
    void take_sync_point(sync::Coordinator& job);
    void open_files();
    bool next_line(std::string& line);
    void apply(const std::string& line);
    Record read_record(std::uint64_t number, const std::string& account);
    void write_record(std::uint64_t number, const Record& record);
    void finish();

    const Settings& settings_;
    std::uint64_t& newest_;
    Ledger ledger_;

    // In this order: sessions are joined after the rollback, and end before the coordination does.
    sync::Coordinator job_;
    sync::Files input_, master_, report_;
};

}  // namespace ledger_batch
