#include "lib/pool/page_store.hh"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>

namespace pmemckpt::pool {

namespace {

/// Goes through the pages of extents, one by one.
class ExtentCursor {
public:
    explicit ExtentCursor(std::span<const PageExtent> extents) : extents_(extents) {}
    std::optional<std::uint32_t> next() {
        if (index_ == extents_.size())
            return std::nullopt;
        const auto extent = extents_[index_];
        const auto page = extent.start + within_;
        if (++within_ == extent.count) {
            within_ = 0;
            ++index_;
        }
        return page;
    }

private:
    std::span<const PageExtent> extents_;
    std::size_t index_ = 0;
    std::uint32_t within_ = 0;
};

void join(std::vector<PageExtent>& extents, std::uint32_t page) {
    if (!extents.empty() && extents.back().start + extents.back().count == page)
        ++extents.back().count;
    else
        extents.push_back({page, 1});
}

/// Also a page that may be shared is not twice in one content.
Status check_distinct(std::vector<PageExtent> extents) {
    std::sort(extents.begin(), extents.end(), [](PageExtent a, PageExtent b) { return a.start < b.start; });
    for (std::size_t index = 1; index < extents.size(); ++index) {
        const auto before = extents[index - 1];
        if (extents[index].start - before.start < before.count)
            return fail(EUCLEAN, "{} pages from page {} on have an owner already: they are named twice",
                        extents[index].count, extents[index].start);
    }
    return {};
}

}  // namespace

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
    const std::lock_guard lock(lock_);
    return Pages(shared_from_this(), TRY(take_runs(count)));
}

Result<std::vector<PageExtent>> PageStore::take_runs(std::uint64_t count) {
    if (count > free_pages_)
        return fail(ENOSPC, "it takes {} pages of {}, and {} of the pool's {} are free", count,
                    format_size(geometry_.page_size), free_pages_, geometry_.count);
    std::vector<PageExtent> extents;
    while (count > 0) {
        extents.push_back(take_run(count));
        count -= extents.back().count;
    }
    return extents;
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

Result<Pages> PageStore::claim(std::vector<PageExtent> extents, const MayShare& may_share) {
    TRY(check_distinct(extents));
    std::vector<PageExtent> taken;
    const std::lock_guard lock(lock_);
    for (const auto extent : extents) {
        if (const auto claimed = claim_extent(extent, may_share, taken); !claimed) {
            for (const auto piece : taken)
                disown(piece);
            return tl::unexpected<Error>(claimed.error());
        }
    }
    return Pages(shared_from_this(), std::move(extents));
}

Status PageStore::claim_extent(PageExtent extent, const MayShare& may_share, std::vector<PageExtent>& taken) {
    if (extent.count == 0 || !fits({{extent.start}, {extent.count}}, {geometry_.count}))
        return fail(EUCLEAN, "{} pages from page {} on do not lie in the pool", extent.count, extent.start);
    for (auto rest = extent; rest.count > 0;) {
        const auto piece = first_piece(rest);
        const bool free = is_free(piece);
        if (!free && !(may_share && may_share(piece)))
            return fail(EUCLEAN, "{} pages from page {} on have an owner already", extent.count,
                        extent.start);
        free ? take_out(piece) : add_owner(piece);
        taken.push_back(piece);
        rest = {rest.start + piece.count, rest.count - piece.count};
    }
    return {};
}

/// The longest beginning that is free, or that is not.
PageExtent PageStore::first_piece(PageExtent extent) const {
    const std::uint64_t end = std::uint64_t{extent.start} + extent.count;
    const auto after = runs_.upper_bound(extent.start);
    std::uint64_t until = after == runs_.end() ? end : after->first;
    if (after != runs_.begin()) {
        const auto& [start, count] = *std::prev(after);
        if (extent.start - start < count)
            until = std::uint64_t{start} + count;
    }
    return {extent.start, static_cast<std::uint32_t>(std::min(until, end) - extent.start)};
}

void PageStore::add_owner(PageExtent extent) {
    auto hint = more_owners_.lower_bound(extent.start);
    for (std::uint32_t page = 0; page < extent.count; ++page) {
        hint = more_owners_.try_emplace(hint, extent.start + page, 0);
        ++hint->second;
        ++hint;
    }
}

Pages PageStore::share(const Pages& pages) {
    const std::lock_guard lock(lock_);
    for (const auto extent : pages.extents())
        add_owner(extent);
    return Pages(shared_from_this(), pages.list());
}

void PageStore::withhold(std::uint32_t page) {
    require(page < geometry_.count, "a page lies in the pool");
    const std::lock_guard lock(lock_);
    if (!withheld_.insert(page).second)
        return;
    is_free({page, 1}) ? take_out({page, 1}) : add_owner({page, 1});
}

std::uint64_t PageStore::withheld_pages() const {
    const std::lock_guard lock(lock_);
    return withheld_.size();
}

Result<Pages> PageStore::derive(const Pages& base, const std::vector<bool>& own) {
    ExtentCursor old(base.extents());
    std::vector<PageExtent> extents, shared;
    const std::lock_guard lock(lock_);
    const auto fresh = TRY(take_runs(static_cast<std::uint64_t>(std::count(own.begin(), own.end(), true))));
    ExtentCursor next(fresh);
    for (const bool is_own : own) {
        const auto old_page = old.next();
        if (!is_own)
            join(shared, *old_page);
        join(extents, is_own ? *next.next() : *old_page);
    }
    for (const auto extent : shared)
        add_owner(extent);
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
