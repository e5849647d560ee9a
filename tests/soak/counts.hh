#pragma once
// What has happened in all worlds so far.
#include <atomic>
#include <cstdint>

namespace soak {

using Count = std::atomic<std::uint64_t>;

struct Counts {
    Count manager_kills{0}, primary_kills{0}, backup_kills{0}, mount_kills{0};
    Count starts{0}, takeovers{0}, fenced{0};
    Count sealed{0}, answered{0};
    Count in_flight_seals{0};  ///< that nobody was told of, and that are there
    Count clears{0}, remakes{0}, retentions{0}, pins{0};
    Count generations_read{0}, records_read{0}, files_read{0}, read_errors{0};
    Count audits{0}, view_audits{0}, wipes{0}, checks{0}, catch_ups{0};
    Count full{0}, failures{0};

    std::uint64_t kills() const { return manager_kills + primary_kills + backup_kills + mount_kills; }
};

}  // namespace soak
