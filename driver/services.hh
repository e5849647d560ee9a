#pragma once
// What every session uses. All of it outlives the sessions.
#include <mutex>

#include "driver/access.hh"
#include "driver/audit.hh"
#include "driver/config.hh"
#include "driver/deadlines.hh"
#include "driver/events.hh"
#include "driver/live_regions.hh"
#include "driver/log_waiters.hh"
#include "driver/running_requests.hh"
#include "driver/served_pools.hh"
#include "driver/tables.hh"
#include "driver/waiters.hh"
#include "driver/workers.hh"

namespace pmemckpt::driver {

struct Services {
    explicit Services(const Config& config)
        : key_dir(config.key_dir),
          limits(config.limits),
          gpspm_alone(config.gpspm_alone),
          access(config.access),
          waiters(deadlines),
          events(deadlines),
          log_waiters(deadlines, workers),
          workers(limits.workers, limits.workers_per_principal) {}
    /// Deadlines post to the workers, and the workers set deadlines: both stand still before any of it goes.
    ~Services() {
        workers.stop();
        deadlines.stop();
    }
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;

    const std::string key_dir;
    const Limits limits;
    const bool gpspm_alone;
    Audit audit;
    Access access;
    std::mutex changing_rights;  // who may change them is asked under it, and they are changed
    RunningRequests running;
    ServedPools pools;
    Tables tables;
    LiveRegions regions;
    Deadlines deadlines;
    Waiters waiters;
    Events events;
    LogWaiters log_waiters;
    Workers workers;  // last: its threads use the others
};

}  // namespace pmemckpt::driver
