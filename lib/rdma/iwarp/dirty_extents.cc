#include "lib/rdma/iwarp/dirty_extents.hh"

#include <algorithm>
#include <utility>

namespace pmemckpt::rdma::iwarp {

namespace {

std::uint64_t end_of(const Extent& extent) {
    return extent.at.bytes + extent.size.bytes;
}

Extent between(std::uint64_t begin, std::uint64_t end) {
    return {{begin}, {end - begin}};
}

}  // namespace

void DirtyExtents::add(Extent extent) {
    if (extent.size.bytes == 0)
        return;
    // The first that ends at or after the new one's start, up to the first that starts after its end: all
    // these touch it.
    const auto first = std::lower_bound(extents_.begin(), extents_.end(), extent.at.bytes,
                                        [](const Extent& e, std::uint64_t at) { return end_of(e) < at; });
    const auto last =
        std::find_if(first, extents_.end(), [&](const Extent& e) { return e.at.bytes > end_of(extent); });
    if (first == last) {
        extents_.insert(first, extent);
        if (extents_.size() > kMaximum)
            merge_closest();
        return;
    }
    *first =
        between(std::min(extent.at.bytes, first->at.bytes), std::max(end_of(extent), end_of(*(last - 1))));
    extents_.erase(first + 1, last);
}

void DirtyExtents::merge_closest() {
    std::size_t best = 0;
    const auto gap = [&](std::size_t i) { return extents_[i + 1].at.bytes - end_of(extents_[i]); };
    for (std::size_t i = 1; i + 1 < extents_.size(); ++i)
        if (gap(i) < gap(best))
            best = i;
    extents_[best] = between(extents_[best].at.bytes, end_of(extents_[best + 1]));
    extents_.erase(extents_.begin() + static_cast<std::ptrdiff_t>(best) + 1);
}

std::vector<Extent> DirtyExtents::take() {
    return std::exchange(extents_, {});
}

}  // namespace pmemckpt::rdma::iwarp
