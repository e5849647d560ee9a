#include "lib/pool/page_holders.hh"

#include <fmt/core.h>

#include <algorithm>

namespace pmemckpt::pool {

namespace {

using format::PageExtent;

struct Run {
    std::uint64_t start = 0, end = 0;
    const std::string* holder = nullptr;
};

std::uint64_t end_of(PageExtent extent) {
    return std::uint64_t{extent.start} + extent.count;
}

void sort_by_start(std::vector<PageExtent>& extents) {
    std::ranges::sort(extents, {}, &PageExtent::start);
}

/// The same pages, each once.
void add_merged(PageHolder& holder, std::vector<Run>& runs) {
    sort_by_start(holder.extents);
    const auto first = runs.size();
    for (const auto extent : holder.extents)
        if (runs.size() > first && extent.start <= runs.back().end)
            runs.back().end = std::max(runs.back().end, end_of(extent));
        else
            runs.push_back({extent.start, end_of(extent), &holder.name});
}

}  // namespace

Holding compare_holders(std::vector<PageHolder> holders) {
    std::vector<Run> runs;
    for (auto& holder : holders)
        add_merged(holder, runs);
    std::ranges::sort(runs, {}, &Run::start);
    Holding holding;
    Run furthest;
    for (const auto& run : runs) {
        const auto shared_end = std::min(run.end, furthest.end);
        if (run.start < shared_end)
            holding.conflicts.push_back(fmt::format("{} pages from page {} on belong to {} and to {}",
                                                    shared_end - run.start, run.start, *furthest.holder,
                                                    *run.holder));
        holding.pages += run.end - std::min(run.end, std::max(run.start, furthest.end));
        if (run.end > furthest.end)
            furthest = run;
    }
    return holding;
}

std::uint64_t pages_named_twice(std::vector<PageExtent> extents) {
    sort_by_start(extents);
    std::uint64_t twice = 0, end = 0;
    for (const auto extent : extents) {
        twice += std::min(end_of(extent), std::max<std::uint64_t>(end, extent.start)) - extent.start;
        end = std::max(end, end_of(extent));
    }
    return twice;
}

}  // namespace pmemckpt::pool
