#include "lib/pool/page_store.hh"

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace pmemckpt::pool {

std::shared_ptr<PageStore> PageStore::make(const Geometry& geometry) {
    return std::shared_ptr<PageStore>(new PageStore(geometry));
}

PageStore::PageStore(const Geometry& geometry) : geometry_(geometry) {
    require(geometry.count <= format::kMaximumPages, "a page index has 32 bits");
    if (geometry.count > 0)
        give_back({0, static_cast<std::uint32_t>(geometry.count)});
}

std::uint64_t PageStore::free_pages() const {
    const std::lock_guard lock(lock_);
    return free_pages_;
}

std::uint64_t PageStore::owners(std::uint32_t page) const {
    const std::lock_guard lock(lock_);
    if (is_free({page, 1}))
        return 0;
    const auto more = more_owners_.find(page);
    return more == more_owners_.end() ? 1 : 1 + more->second;
}

Extent PageStore::bytes_of(PageExtent extent) const {
    return {{geometry_.offset + extent.start * geometry_.page_size}, {extent.count * geometry_.page_size}};
}

Result<Pages> PageStore::allocate(std::uint64_t count) {
    std::vector<PageExtent> extents;
    const std::lock_guard lock(lock_);
    if (count > free_pages_)
        return fail(ENOSPC, "it takes {} pages of {}, and {} of the pool's {} are free", count,
                    format_size(geometry_.page_size), free_pages_, geometry_.count);
    while (count > 0) {
        extents.push_back(take_run(count));
        count -= extents.back().count;
    }
    return Pages(shared_from_this(), std::move(extents));
}

PageExtent PageStore::take_run(std::uint64_t wanted) {
    auto found = by_count_.lower_bound({static_cast<std::uint32_t>(wanted), 0});
    if (found == by_count_.end())
        found = std::prev(found);
    const PageExtent extent{found->second,
                            static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, found->first))};
    take_out(extent);
    return extent;
}

Result<Pages> PageStore::claim(std::vector<PageExtent> extents) {
    const std::lock_guard lock(lock_);
    for (std::size_t index = 0; index < extents.size(); ++index) {
        const auto extent = extents[index];
        const bool in_range = extent.count > 0 && fits({{extent.start}, {extent.count}}, {geometry_.count});
        if (in_range && is_free(extent)) {
            take_out(extent);
            continue;
        }
        for (std::size_t taken = 0; taken < index; ++taken)
            give_back(extents[taken]);
        return fail(EUCLEAN, "{} pages from page {} on {}", extent.count, extent.start,
                    in_range ? "have an owner already" : "do not lie in the pool");
    }
    return Pages(shared_from_this(), std::move(extents));
}

Pages PageStore::share(const Pages& pages) {
    auto extents = pages.extents();
    const std::lock_guard lock(lock_);
    for (const auto extent : extents)
        for (std::uint32_t page = 0; page < extent.count; ++page)
            ++more_owners_[extent.start + page];
    return Pages(shared_from_this(), std::move(extents));
}

void PageStore::release(std::span<const PageExtent> extents) {
    const std::lock_guard lock(lock_);
    for (const auto extent : extents)
        disown(extent);
}

bool PageStore::is_free(PageExtent extent) const {
    const auto after = runs_.upper_bound(extent.start);
    if (after == runs_.begin())
        return false;
    const auto& [start, count] = *std::prev(after);
    return extent.start - start < count && extent.count <= count - (extent.start - start);
}

void PageStore::take_out(PageExtent extent) {
    const auto run = std::prev(runs_.upper_bound(extent.start));
    const auto [start, count] = *run;
    erase_run(run);
    const std::uint32_t before = extent.start - start;
    if (before > 0)
        insert_run(start, before);
    if (before + extent.count < count)
        insert_run(extent.start + extent.count, count - before - extent.count);
    free_pages_ -= extent.count;
}

void PageStore::disown(PageExtent extent) {
    const std::uint64_t end = std::uint64_t{extent.start} + extent.count;
    std::uint32_t start = extent.start;
    auto shared = more_owners_.lower_bound(start);
    while (shared != more_owners_.end() && shared->first < end) {
        if (shared->first > start)
            give_back({start, shared->first - start});
        start = shared->first + 1;
        shared = --shared->second == 0 ? more_owners_.erase(shared) : std::next(shared);
    }
    if (start < end)
        give_back({start, static_cast<std::uint32_t>(end - start)});
}

void PageStore::give_back(PageExtent extent) {
    std::uint32_t start = extent.start;
    std::uint32_t count = extent.count;
    auto next = runs_.lower_bound(start);
    if (next != runs_.end() && next->first == start + count) {
        count += next->second;
        next = erase_run(next);
    }
    if (next != runs_.begin()) {
        const auto previous = std::prev(next);
        if (previous->first + previous->second == start) {
            start = previous->first;
            count += previous->second;
            erase_run(previous);
        }
    }
    insert_run(start, count);
    free_pages_ += extent.count;
}

void PageStore::insert_run(std::uint32_t start, std::uint32_t count) {
    runs_.emplace(start, count);
    by_count_.emplace(count, start);
}

std::map<std::uint32_t, std::uint32_t>::iterator PageStore::erase_run(
    std::map<std::uint32_t, std::uint32_t>::iterator run) {
    by_count_.erase({run->second, run->first});
    return runs_.erase(run);
}

}  // namespace pmemckpt::pool
