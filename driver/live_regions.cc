#include "driver/live_regions.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace pmemckpt::driver {

namespace {

std::string utc(std::int64_t time_ns) {
    const auto seconds = static_cast<std::time_t>(time_ns / 1'000'000'000);
    std::tm time{};
    ::gmtime_r(&seconds, &time);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &time)};
}

}  // namespace

std::unique_ptr<pool::Draft> DraftSlot::take() {
    const std::lock_guard lock(mutex_);
    return std::move(draft_);
}

void LiveRegion::add_draft(const std::shared_ptr<DraftSlot>& slot) {
    std::erase_if(drafts, [](const auto& known) { return known.expired(); });
    drafts.push_back(slot);
}

void LiveRegion::drop_drafts(std::uint64_t before_epoch) {
    for (const auto& known : drafts)
        if (const auto slot = known.lock(); slot && slot->epoch() < before_epoch)
            slot->take();
    std::erase_if(drafts, [&](const auto& known) {
        const auto slot = known.lock();
        return !slot || slot->epoch() < before_epoch;
    });
}

std::shared_ptr<LiveRegion> LiveRegions::of(const pool::Pool& pool, std::uint64_t region_id) {
    const std::lock_guard lock(mutex_);
    auto& region = regions_[{&pool, region_id}];
    if (!region)
        region = std::make_shared<LiveRegion>();
    return region;
}

std::shared_ptr<LiveRegion> LiveRegions::find(const pool::Pool& pool, std::uint64_t region_id) {
    const std::lock_guard lock(mutex_);
    const auto found = regions_.find({&pool, region_id});
    return found == regions_.end() ? nullptr : found->second;
}

void LiveRegions::forget(const pool::Pool& pool, std::uint64_t region_id) {
    std::shared_ptr<LiveRegion> last;  // goes without the lock
    const std::lock_guard lock(mutex_);
    if (auto found = regions_.extract({&pool, region_id}))
        last = std::move(found.mapped());
}

std::size_t end_log(Tables& tables, LiveRegion& live, const std::unique_lock<std::mutex>&) {
    if (!live.appender)
        return 0;
    const auto& windows = live.appender->windows;
    for (auto next = windows.rbegin(); next != windows.rend(); ++next)
        tables.revoke(live.appender->session_id, *next);
    const auto killed = windows.size();
    live.appender.reset();
    return killed;
}

Error fenced(const std::string& region, const LiveRegion& live, std::uint64_t epoch) {
    const auto by = live.takeover
                        ? fmt::format(" by {} at {}", live.takeover->principal, utc(live.takeover->time_ns))
                        : std::string();
    return {ESTALE,
            fmt::format("fenced: region {} was taken over{} (epoch {}); open it anew", region, by, epoch)};
}

}  // namespace pmemckpt::driver
