#pragma once
// Byte ranges in order, that neither overlap nor touch.
#include <span>
#include <vector>

#include "lib/base/units.hh"

namespace pmemckpt::client {

class Ranges {
public:
    /// In any order, overlapping or empty as they come. ERANGE when one doesn't fit into [0, size).
    static Result<Ranges> normalize(std::span<const Extent> ranges, std::uint64_t size);
    bool contains(Extent extent) const;
    const std::vector<Extent>& list() const { return list_; }

private:
    void append(Extent extent);

    std::vector<Extent> list_;
};

}  // namespace pmemckpt::client
