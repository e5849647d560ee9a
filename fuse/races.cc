#include "fuse/races.hh"

#include <algorithm>

namespace pmemckpt::view {

Races::Map Races::expired() {
    Map old;
    const auto limit = Clock::now() - kRaceMemory;
    for (auto race = races_.begin(); race != races_.end();) {
        const auto next = std::next(race);
        if (race->second.at < limit)
            old.insert(races_.extract(race));
        race = next;
    }
    while (races_.size() > kMaximumRaces)
        old.insert(
            races_.extract(std::min_element(races_.begin(), races_.end(), [](const auto& a, const auto& b) {
                return a.second.at < b.second.at;
            })));
    any_ = !races_.empty();
    return old;
}

void Races::lost(const std::string& region) {
    Map old;
    std::lock_guard lock(mutex_);
    races_.try_emplace(region).first->second.at = Clock::now();
    old = expired();
    any_ = true;
}

bool Races::is_lost(const std::string& region) {
    if (!any_)
        return false;
    Map old;
    std::lock_guard lock(mutex_);
    old = expired();
    return races_.contains(region);
}

void Races::keep(const std::string& region, std::shared_ptr<Content> content) {
    std::lock_guard lock(mutex_);
    const auto race = races_.find(region);
    if (race != races_.end())
        race->second.content.swap(content);  // the argument is closed after the lock
}

std::shared_ptr<Content> Races::take(const std::string& region, std::uint64_t region_id,
                                     std::uint64_t number) {
    if (!any_)
        return nullptr;
    Map old;
    std::lock_guard lock(mutex_);
    old = expired();
    const auto race = races_.find(region);
    if (race == races_.end() || !race->second.content)
        return nullptr;
    const auto& kept = race->second.content->generation();
    if (kept.region_id != region_id || kept.number != number)
        return nullptr;
    return races_.extract(race).mapped().content;
}

}  // namespace pmemckpt::view
