// Pages on memory that can't be read: nobody gets them, and what lies on them already is an error by itself.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/log.hh"
#include "lib/media/readable.hh"
#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

void PoolOnMedium::withhold_bad_extents() {
    const auto& [offset, page_size, count] = pages_->geometry();
    for (const auto& [at, size] : bad_) {
        const auto end = at.bytes + size.bytes;
        if (end <= offset || size.bytes == 0)
            continue;
        const auto from = (std::max(at.bytes, offset) - offset) / page_size;
        const auto to = std::min(divide_up(end - offset, page_size), count);
        for (auto page = from; page < to; ++page)
            pages_->withhold(static_cast<std::uint32_t>(page));
    }
    if (const auto withheld = pages_->withheld_pages(); withheld > 0)
        log::warning("{}: {} of the pool's {} pages hold bad blocks, and are not used", medium_->path(),
                     withheld, count);
}

Status PoolOnMedium::check_good(const Found& found) const {
    const auto runs = found.pages->locate({{0}, {found.info.length}});
    if (const auto present = medium_->check_present(runs); !present)
        return fail(present.error().code, "generation {} can't be read: {}", found.info.number,
                    present.error().message);
    for (const auto& run : runs)
        for (const auto& bad : bad_)
            if (overlap(run, bad))
                return fail(EBADMSG,
                            "generation {} lies on a bad block: {} bytes at {} of the pool can't be read",
                            found.info.number, bad.size.bytes, bad.at.bytes);
    return {};
}

/// One by one: the others of the same draft are good.
void PoolOnMedium::withhold_unreadable(const Pages& pages) {
    const auto bytes = std::as_const(*medium_).bytes();
    for (const auto extent : pages.extents())
        for (std::uint32_t page = extent.start; page < extent.start + extent.count; ++page) {
            const auto [at, size] = pages_->bytes_of({page, 1});
            const auto read = media::check_readable(bytes.subspan(at.bytes, size.bytes), at.bytes);
            if (read)
                continue;
            log::warning("{}: page {} is not used any more: {}", medium_->path(), page, read.error().message);
            pages_->withhold(page);
        }
}

}  // namespace pmemckpt::pool
