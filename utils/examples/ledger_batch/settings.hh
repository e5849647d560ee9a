#pragma once
// What the command line says.
#include <cstdint>
#include <string>
#include <vector>

namespace ledger_batch {

/// A file of a service: HOST:PORT/PATH.
struct RemoteFile {
    std::string service, path;
};

struct Settings {
    std::string job = "ledger";
    RemoteFile transactions, master, report;
    std::uint64_t every = 1000;      // transactions from one sync point to the next
    std::uint64_t patience_s = 300;  // without a new sync point, before the batch gives up
    std::uint32_t timeout_ms = 0;    // of a service that is silent: the library's own
    std::uint64_t pause_us = 0;      // after each transaction: a slower computer

    /// Each once, though it may have several of the files.
    std::vector<std::string> services() const;
};

/// False: there is nothing to do. Throws std::invalid_argument.
bool read_options(int count, char** arguments, Settings& settings);

}  // namespace ledger_batch
