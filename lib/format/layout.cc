#include "lib/format/layout.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::format {

Result<Layout> plan_layout(std::uint64_t pool_size, std::uint64_t page_size) {
    Layout layout;
    const std::uint64_t pages_at_most = pool_size / page_size;
    layout.journal_half_bytes =
        round_up(kJournalBytesAtLeast + kJournalBytesPerPage * pages_at_most, kJournalAlignment);
    layout.pages_offset = round_up(kJournalOffset + 2 * layout.journal_half_bytes, page_size);
    if (pool_size < layout.pages_offset || pool_size - layout.pages_offset < page_size)
        return fail(ERANGE, "a pool of {} ({} bytes) has no room for a page of {}; it takes at least {}",
                    format_size(pool_size), pool_size, format_size(page_size),
                    format_size(layout.pages_offset + page_size));
    layout.page_count = std::min((pool_size - layout.pages_offset) / page_size, kMaximumPages);
    return layout;
}

}  // namespace pmemckpt::format
