#include "driver/drop_watch.hh"

#include <algorithm>

namespace pmemckpt::driver {

DropWatch::DropWatch(const pool::Pool& pool, pool::RegionInfo region)
    : pool_(pool), region_(std::move(region)), before_(numbers()) {}

std::vector<std::uint64_t> DropWatch::numbers() const {
    std::vector<std::uint64_t> numbers;
    // When the region was destroyed there is nobody left to tell.
    if (const auto generations = pool_.generations(region_.name, 0, kMaximum))
        for (const auto& generation : *generations)
            if (generation.region_id == region_.id)
                numbers.push_back(generation.number);
    return numbers;
}

void DropWatch::publish(Events& events) const {
    const auto now = pool_.find_region(region_.name);
    if (!now || now->id != region_.id)
        return;
    const auto after = numbers();
    for (const auto number : before_)
        if (!std::binary_search(after.begin(), after.end(), number))
            events.publish(pool_, region_.id,
                           {0, 0, wire::EventKind::dropped, number, now->epoch, {}, "by retention"});
}

}  // namespace pmemckpt::driver
