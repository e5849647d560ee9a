#pragma once
// Clients of the service, who write down what they were answered; and the check of that against the region.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "utils/examples/process_pair/sockets.hh"

namespace process_pair {

struct Load {
    std::vector<Address> servers;
    std::string answers;  // file
    std::uint32_t clients = 8;
    std::uint32_t accounts = 1000;
    std::uint64_t first_client = 1;
    std::uint64_t transfers = UINT64_MAX;    // of each client
    std::chrono::seconds seconds{600};       // till no more are started
    std::chrono::seconds patience{30};       // for one transfer to be answered
    std::chrono::milliseconds timeout{250};  // for an answer, before the other server is asked
    std::chrono::microseconds pause{1000};   // of a client, after each answer
    std::uint64_t seed = 1;
};
/// Until all is answered, or SIGTERM: what was begun by then is still ended. Throws when something was never
/// answered.
void run_load(const Load& load);

struct Archive {
    std::string region;
    std::string output;  // file
};
/// Writes down all records of the region's logs, from now on, until it is killed.
void run_archive(const Archive& archive);

struct Audit {
    std::string region;
    std::string answers, archive;       // files
    std::chrono::seconds patience{10};  // for the archive, which may be a moment behind the region
};
/// Compares the three, prints what it found. False: something is wrong.
bool run_audit(const Audit& audit);

}  // namespace process_pair
