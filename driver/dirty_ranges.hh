#pragma once
// What the writer of a clone will write, collected from several messages.
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "lib/base/units.hh"

namespace pmemckpt::driver {

/// Ranges that touch are one. Beyond the limit those within one page that is partly dirty already are left
/// out: the page is copied from the base as it is, so nothing is lost by it.
class DirtyRanges {
public:
    static constexpr std::size_t kMaximum = 65'536;  // ranges kept: four megabytes

    DirtyRanges(std::uint64_t size, std::uint64_t page_size) : size_(size), page_size_(page_size) {}

    /// ERANGE outside [0, size); E2BIG when there are too many that lie on pages of their own.
    Status add(Extent range);
    std::size_t count() const { return ranges_.size(); }
    /// In order.
    std::vector<Extent> extents() const;

private:
    void leave_out();

    const std::uint64_t size_, page_size_;
    std::map<std::uint64_t, std::uint64_t> ranges_;  // begin, end
};

}  // namespace pmemckpt::driver
