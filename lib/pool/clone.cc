// Drafts that start as an older generation: what is not written is shared with it, page by page.
#include <algorithm>
#include <cerrno>
#include <mutex>

#include "lib/media/readable.hh"
#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

namespace {

using Ranges = std::vector<Extent>;

/// Sorted, without empty ones, and joined where they touch or overlap. ERANGE when one ends behind `size`.
Result<Ranges> tidy(Ranges ranges, std::uint64_t size) {
    for (const auto& range : ranges)
        if (!fits(range, {size}))
            return fail(ERANGE,
                        "{} bytes from byte {} on are to be written, and the generation gets {} bytes",
                        range.size.bytes, range.at.bytes, size);
    std::sort(ranges.begin(), ranges.end(),
              [](const Extent& a, const Extent& b) { return a.at.bytes < b.at.bytes; });
    Ranges tidied;
    for (const auto& [at, length] : ranges) {
        const auto end = at.bytes + length.bytes;
        if (length.bytes == 0)
            continue;
        if (!tidied.empty() && at.bytes <= tidied.back().at.bytes + tidied.back().size.bytes) {
            auto& last = tidied.back();
            last.size.bytes = std::max(last.size.bytes, end - last.at.bytes);
        } else {
            tidied.push_back({at, length});
        }
    }
    return tidied;
}

/// How much of each page in turn is dirty.
class DirtyBytes {
public:
    explicit DirtyBytes(const Ranges& ranges) : next_(ranges.begin()), end_(ranges.end()) {}
    /// Of [from, to), which is behind the one before.
    std::uint64_t in(std::uint64_t from, std::uint64_t to) {
        const auto end_of = [](const Extent& range) { return range.at.bytes + range.size.bytes; };
        while (next_ != end_ && end_of(*next_) <= from)
            ++next_;
        std::uint64_t sum = 0;
        for (auto range = next_; range != end_ && range->at.bytes < to; ++range)
            sum += std::min(end_of(*range), to) - std::max(range->at.bytes, from);
        return sum;
    }

private:
    Ranges::const_iterator next_, end_;
};

struct Plan {
    std::vector<bool> own;            ///< for each page, whether it is not the base's
    std::vector<std::size_t> copied;  ///< those of them that start as the base's
};

/// `size` is the client's word: a plan has an element a page, and is made only of what the pool could hold.
Status check_page_count(std::uint64_t size, const PageStore::Geometry& geometry) {
    const auto count = divide_up(size, geometry.page_size);
    if (count > geometry.count)
        return fail(ENOSPC, "it takes {} pages of {}, and the pool has {}", count,
                    format_size(geometry.page_size), geometry.count);
    return {};
}

/// The base's last page has anything behind its length: it is shared only when that does not show.
Plan plan_pages(std::uint64_t size, std::uint64_t base_length, std::uint64_t page_size, const Ranges& dirty) {
    Plan plan;
    DirtyBytes dirty_bytes(dirty);
    plan.own.reserve(divide_up(size, page_size));
    for (std::uint64_t start = 0; start < size; start += std::min(page_size, size - start)) {
        const auto end = start + std::min(page_size, size - start);
        const auto written = dirty_bytes.in(start, end);
        const bool own = written > 0 || end > base_length;
        if (own && written < end - start && start < base_length)
            plan.copied.push_back(plan.own.size());
        plan.own.push_back(own);
    }
    return plan;
}

}  // namespace

Status PoolOnMedium::copy_pages(const Found& base, const std::vector<std::uint64_t>& to,
                                const std::vector<std::size_t>& indexes) {
    const std::span<const std::byte> bytes = std::as_const(*medium_).bytes();
    const auto length = base.info.length;
    for (const auto index : indexes) {
        const auto here = std::min(page_size(), length - index * page_size());
        const auto from = base.pages->offsets()[index];
        TRY(media::check_readable(bytes.subspan(from, here), from));
        medium_->store({to[index]}, bytes.subspan(from, here));
    }
    return {};
}

Result<std::unique_ptr<Draft>> PoolOnMedium::begin_clone(const RegionRef& region, std::uint64_t size,
                                                         const Base& base) {
    const auto info = TRY(check_begin(region, size));
    const auto found = TRY(find_generation(region, base.number));
    const auto& generation = found.info;
    if (generation.region_id != info.id)
        return fail(ENOENT, "region {} was destroyed while a clone of it was begun", region.name);
    const auto dirty = TRY(tidy(base.dirty, size));
    if (const auto counted = check_page_count(size, pages_->geometry()); !counted)
        return no_room(counted.error(), fmt::format("a clone of {} bytes of generation {} of region {}", size,
                                                    generation.number, region.name));
    auto plan = plan_pages(size, generation.length, page_size(), dirty);
    auto pages = pages_->derive(*found.pages, plan.own);
    if (!pages)
        return no_room(pages.error(),
                       fmt::format("a clone of generation {} of region {} with {} dirty ranges",
                                   generation.number, region.name, dirty.size()));
    TRY(blank(own_extents(*pages, plan.own)));
    TRY(copy_pages(found, pages->offsets(), plan.copied));
    return std::make_unique<PagesDraft>(info, size, std::move(*pages), drafts_,
                                        PagesDraft::Origin{found.pages, std::move(plan.own)});
}

}  // namespace pmemckpt::pool
