#pragma once
// What has been written and is not yet durable: sorted extents that don't touch, few of them.
#include <vector>

#include "lib/base/units.hh"

namespace pmemckpt::rdma::iwarp {

class DirtyExtents {
public:
    /// Beyond this the two with the smallest gap become one: a bit more is persisted than was written.
    static constexpr std::size_t kMaximum = 64;

    void add(Extent extent);
    bool empty() const { return extents_.empty(); }
    /// All of them; none are left.
    std::vector<Extent> take();

private:
    void merge_closest();

    std::vector<Extent> extents_;
};

}  // namespace pmemckpt::rdma::iwarp
