#include "driver/expiry.hh"

#include <chrono>
#include <list>

#include "driver/drop_watch.hh"
#include "lib/base/log.hh"

namespace pmemckpt::driver {

namespace {

constexpr std::size_t kRegionsAtATime = 256;

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// Of all regions that keep generations by age.
std::list<DropWatch> watch_aging(const pool::Pool& pool) {
    std::list<DropWatch> watches;
    std::string after;
    for (;;) {
        const auto regions = pool.regions(after, kRegionsAtATime);
        for (const auto& region : regions)
            if (region.settings.keep_age_ns != 0)
                watches.emplace_back(pool, region);
        if (regions.size() < kRegionsAtATime)
            return watches;
        after = regions.back().name;
    }
}

}  // namespace

void Expiry::stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
}

void Expiry::later() {
    const std::lock_guard lock(mutex_);
    if (stopped_)
        return;
    services_.deadlines.at(Deadlines::Clock::now() + std::chrono::milliseconds(services_.limits.expiry_ms),
                           [this] { services_.workers.post(":expiry", [this] { run(); }); });
}

void Expiry::run() {
    for (const auto& served : services_.pools.all())
        expire(*served);
    later();
}

void Expiry::expire(const ServedPool& served) {
    const auto watches = watch_aging(*served.pool);
    if (watches.empty())
        return;
    const auto dropped = served.pool->expire(now_ns());
    if (!dropped)
        return log::warning("pool {}: generations past their age are not dropped: {}", served.name,
                            dropped.error().message);
    if (*dropped == 0)
        return;
    log::info("pool {}: {} generations past their age were dropped", served.name, *dropped);
    for (const auto& watch : watches)
        watch.publish(services_.events);
}

}  // namespace pmemckpt::driver
