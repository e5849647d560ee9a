#include "lib/client/ranges.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::client {

Result<Ranges> Ranges::normalize(std::span<const Extent> ranges, std::uint64_t size) {
    std::vector<Extent> sorted;
    sorted.reserve(ranges.size());
    for (const auto& range : ranges) {
        if (!fits(range, {size}))
            return fail(ERANGE,
                        "the dirty range of {} bytes at {} does not fit into the {} bytes of the clone",
                        range.size.bytes, range.at.bytes, size);
        if (range.size.bytes > 0)
            sorted.push_back(range);
    }
    std::sort(sorted.begin(), sorted.end(),
              [](const Extent& a, const Extent& b) { return a.at.bytes < b.at.bytes; });
    Ranges result;
    for (const auto& range : sorted)
        result.append(range);
    return result;
}

void Ranges::append(Extent extent) {
    if (!list_.empty()) {
        auto& last = list_.back();
        const auto last_end = last.at.bytes + last.size.bytes;
        if (extent.at.bytes <= last_end) {
            const auto end = std::max(last_end, extent.at.bytes + extent.size.bytes);
            last.size.bytes = end - last.at.bytes;
            return;
        }
    }
    list_.push_back(extent);
}

bool Ranges::contains(Extent extent) const {
    const auto behind =
        std::upper_bound(list_.begin(), list_.end(), extent.at.bytes,
                         [](std::uint64_t at, const Extent& range) { return at < range.at.bytes; });
    if (behind == list_.begin())
        return false;
    const auto& range = *std::prev(behind);
    return fits({{extent.at.bytes - range.at.bytes}, extent.size}, range.size);
}

}  // namespace pmemckpt::client
