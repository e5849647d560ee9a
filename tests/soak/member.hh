#pragma once
// One of a region's pair of processes: the primary, or the backup that becomes it.
#include <optional>
#include <string>

#include "tests/soak/orders.hh"
#include "tests/soak/reading.hh"
#include "tests/soak/settings.hh"

namespace soak {

/// Which of the regions that had this name, and how often that one was cleared: the supervisor counts along.
struct Tenure {
    std::uint64_t life = 0;
    std::uint64_t clears = 0;
};

struct Member {
    explicit Member(const Settings& settings)
        : region(settings.text("region")),
          tenure{settings.number("life"), settings.number("clears")},
          writer(settings.number("writer")),
          pause_us(settings.number("pause_us")),
          create_keep(settings.has("create_keep") ? settings.number("create_keep") : 0) {}

    std::string region;
    Tenure tenure;
    std::uint64_t writer;       ///< unique in the run
    std::uint64_t pause_us;     ///< between two operations, on average
    std::uint64_t create_keep;  ///< 0: the region is there
};

/// Both return when the process is to end.
void run_primary(Member member, ckpt::Client client, Orders& orders);
void run_backup(Member member, const std::string& cursor, Orders& orders);

}  // namespace soak
