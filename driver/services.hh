#pragma once
// What every session uses. All of it outlives the sessions.
#include "driver/config.hh"
#include "driver/deadlines.hh"
#include "driver/served_pools.hh"
#include "driver/tables.hh"
#include "driver/waiters.hh"
#include "driver/workers.hh"

namespace pmemckpt::driver {

struct Services {
    explicit Services(const Config& config)
        : key_dir(config.key_dir), limits(config.limits), waiters(deadlines), workers(limits.workers) {}

    const std::string key_dir;
    const Limits limits;
    ServedPools pools;
    Tables tables;
    Deadlines deadlines;
    Waiters waiters;
    Workers workers;  // last: its threads use the others
};

}  // namespace pmemckpt::driver
