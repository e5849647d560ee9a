#include "lib/pool/draft.hh"

#include <cerrno>
#include <mutex>

#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

PagesDraft::PagesDraft(std::string region, std::uint64_t region_id, std::uint64_t size, Pages pages,
                       Counter counter)
    : region_(std::move(region)),
      region_id_(region_id),
      size_(size),
      pages_(std::move(pages)),
      counter_(std::move(counter)) {
    ++*counter_;
}

PagesDraft::~PagesDraft() {
    --*counter_;
}

Status PoolOnMedium::check_begin(const std::string& region, std::uint64_t size,
                                 std::uint64_t& region_id) const {
    TRY(journal_.check());
    const std::shared_lock lock(tables_);
    const auto& info = TRY(region_named(region))->info;
    if (info.settings.max_size != 0 && size > info.settings.max_size)
        return fail(EFBIG, "a generation of {} ({} bytes) is over the {} ({} bytes) that region {} allows",
                    format_size(size), size, format_size(info.settings.max_size), info.settings.max_size,
                    region);
    region_id = info.id;
    return {};
}

Result<std::unique_ptr<Draft>> PoolOnMedium::begin(const std::string& region, std::uint64_t size) {
    std::uint64_t region_id = 0;
    TRY(check_begin(region, size, region_id));
    auto pages = pages_->allocate(divide_up(size, page_size()));
    if (!pages)
        return fail(pages.error().code,
                    "no room for a generation of {} of region {}: {}; destroy a region, or use a "
                    "larger pool",
                    format_size(size), region, pages.error().message);
    TRY(blank(*pages));
    return std::make_unique<PagesDraft>(region, region_id, size, std::move(*pages), drafts_);
}

// Nobody else's old bytes are seen in a draft, and a disk that is full says so now, and not by a signal
// later.
Status PoolOnMedium::blank(const Pages& pages) const {
    for (const auto extent : pages.extents())
        TRY(medium_->blank(pages_->bytes_of(extent)));
    return {};
}

}  // namespace pmemckpt::pool
