#include "lib/pool/page_owners.hh"

#include <algorithm>
#include <iterator>

namespace pmemckpt::pool {

/// No run goes on across the border before `page`.
void PageOwners::cut_at(std::uint64_t page) {
    auto run = runs_.lower_bound(page);
    if (run == runs_.begin())
        return;
    auto& [end, region_id] = std::prev(run)->second;
    if (end <= page)
        return;
    runs_.emplace_hint(run, page, Run{end, region_id});
    end = page;
}

void PageOwners::assign(format::PageExtent extent, std::uint64_t region_id) {
    const std::uint64_t start = extent.start, end = start + extent.count;
    cut_at(start);
    cut_at(end);
    runs_.erase(runs_.lower_bound(start), runs_.lower_bound(end));
    auto run = runs_.emplace(start, Run{end, region_id}).first;
    const auto next = std::next(run);
    if (next != runs_.end() && next->first == end && next->second.region_id == region_id) {
        run->second.end = next->second.end;
        runs_.erase(next);
    }
    if (run == runs_.begin())
        return;
    auto& previous = std::prev(run)->second;
    if (previous.end == start && previous.region_id == region_id) {
        previous.end = run->second.end;
        runs_.erase(run);
    }
}

bool PageOwners::all_of(format::PageExtent extent, std::uint64_t region_id) const {
    const std::uint64_t end = std::uint64_t{extent.start} + extent.count;
    auto run = runs_.upper_bound(extent.start);
    if (run == runs_.begin())
        return false;
    run = std::prev(run);
    for (std::uint64_t at = extent.start; at < end; ++run) {
        if (run == runs_.end() || run->first > at || run->second.end <= at ||
            run->second.region_id != region_id)
            return false;
        at = run->second.end;
    }
    return true;
}

}  // namespace pmemckpt::pool
