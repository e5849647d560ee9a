#include "lib/pool/draft.hh"

#include <cerrno>
#include <mutex>

#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

PagesDraft::PagesDraft(const RegionInfo& region, std::uint64_t size, Pages pages, Counter counter,
                       Origin origin)
    : region_(region.name),
      region_id_(region.id),
      epoch_(region.epoch),
      size_(size),
      pages_(std::move(pages)),
      counter_(std::move(counter)),
      origin_(std::move(origin)) {
    ++*counter_;
}

PagesDraft::~PagesDraft() {
    --*counter_;
}

void PagesDraft::truncate(std::uint64_t count) {
    pages_.truncate(count);
    if (origin_.own.size() > count)
        origin_.own.resize(count);
}

std::vector<PageExtent> own_extents(const Pages& pages, const std::vector<bool>& own) {
    if (own.empty())
        return pages.list();
    std::vector<PageExtent> found;
    std::size_t index = 0;
    for (const auto extent : pages.extents()) {
        bool joined = false;
        for (std::uint32_t page = 0; page < extent.count; ++page, ++index) {
            if (own[index] && joined)
                ++found.back().count;
            else if (own[index])
                found.push_back({extent.start + page, 1});
            joined = own[index];
        }
    }
    return found;
}

Result<RegionInfo> PoolOnMedium::check_begin(const RegionRef& region, std::uint64_t size) const {
    TRY(journal_.check());
    const std::shared_lock lock(tables_);
    const auto& info = TRY(region_named(region))->info;
    if (info.settings.max_size != 0 && size > info.settings.max_size)
        return fail(EFBIG, "a generation of {} ({} bytes) is over the {} ({} bytes) that region {} allows",
                    format_size(size), size, format_size(info.settings.max_size), info.settings.max_size,
                    region.name);
    return info;
}

Result<std::unique_ptr<Draft>> PoolOnMedium::begin(const RegionRef& region, std::uint64_t size) {
    const auto info = TRY(check_begin(region, size));
    auto pages = pages_->allocate(divide_up(size, page_size()));
    if (!pages)
        return no_room(pages.error(),
                       fmt::format("a generation of {} of region {}", format_size(size), region.name));
    TRY(blank(pages->extents()));
    return std::make_unique<PagesDraft>(info, size, std::move(*pages), drafts_, PagesDraft::Origin{});
}

tl::unexpected<Error> PoolOnMedium::no_room(const Error& error, const std::string& what) const {
    return fail(error.code, "no room for {}: {}; destroy a region, or use a larger pool", what,
                error.message);
}

// Nobody else's old bytes are seen in a draft, and a disk that is full says so now, and not by a signal
// later.
Status PoolOnMedium::blank(std::span<const PageExtent> extents) const {
    for (const auto extent : extents)
        TRY(medium_->blank(pages_->bytes_of(extent)));
    return {};
}

}  // namespace pmemckpt::pool
