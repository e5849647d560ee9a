#include "driver/dirty_ranges.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::driver {

Status DirtyRanges::add(Extent range) {
    if (!fits(range, {size_}))
        return fail(ERANGE, "dirty range of {} bytes at {} is not within the {} bytes of the generation",
                    range.size.bytes, range.at.bytes, size_);
    if (range.size.bytes == 0)
        return {};
    auto begin = range.at.bytes, end = begin + range.size.bytes;
    auto next = ranges_.upper_bound(begin);
    if (next != ranges_.begin() && std::prev(next)->second >= begin)
        --next;
    for (; next != ranges_.end() && next->first <= end; next = ranges_.erase(next)) {
        begin = std::min(begin, next->first);
        end = std::max(end, next->second);
    }
    ranges_.emplace(begin, end);
    if (ranges_.size() <= kMaximum)
        return {};
    leave_out();
    // Half: so that it is not done again for each of the next.
    if (ranges_.size() > kMaximum / 2)
        return fail(E2BIG,
                    "more than {} dirty ranges lie on pages of their own: write the whole generation instead",
                    kMaximum / 2);
    return {};
}

void DirtyRanges::leave_out() {
    std::uint64_t dirty_page = UINT64_MAX;  // the page of the last byte kept
    for (auto next = ranges_.begin(); next != ranges_.end();) {
        const auto first = next->first / page_size_, last = (next->second - 1) / page_size_;
        if (first == last && last == dirty_page) {
            next = ranges_.erase(next);
            continue;
        }
        dirty_page = last;
        ++next;
    }
}

std::vector<Extent> DirtyRanges::extents() const {
    std::vector<Extent> extents;
    extents.reserve(ranges_.size());
    for (const auto& [begin, end] : ranges_)
        extents.push_back({{begin}, {end - begin}});
    return extents;
}

}  // namespace pmemckpt::driver
