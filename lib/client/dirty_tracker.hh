#pragma once
// Which pages of an application's memory were written since it was last asked: what a clone needs to send.
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "lib/base/result.hh"
#include "lib/base/units.hh"

namespace pmemckpt::client {

enum class TrackingMethod {
    write_protect =
        1,  ///< userfaultfd, asynchronous: Linux 6.7 or later; the kernel notes the first write to each page
    soft_dirty = 2,  ///< /proc/self/pagemap: one tracker of a process; its clearing is of the whole process
    checksums = 3,   ///< everywhere: each page is read and compared with what it was
};
const char* to_string(TrackingMethod method);

/// The memory must stay mapped while this lives. Nobody may write to it during collect(), as a checkpoint
/// that is of one moment needs anyway. A child that was forked must make a tracker of its own. Threads: one
/// at a time.
class DirtyTracker {
public:
    /// The best method that works here, or just this one: ENOTSUP when it doesn't, with the reason; EINVAL
    /// without memory.
    static Result<std::unique_ptr<DirtyTracker>> create(std::span<const std::byte> memory,
                                                        std::optional<TrackingMethod> method = {});
    virtual ~DirtyTracker() = default;
    virtual TrackingMethod method() const = 0;

    /// Ranges of the memory with all that was written since the last call, sorted, apart; all of it the first
    /// time. A range may have more: what is tracked is pages.
    Result<std::vector<Extent>> collect();
    /// Reported by the next collect() again: for who collected, and whose checkpoint failed then.
    void mark(std::span<const Extent> extents);

protected:
    explicit DirtyTracker(std::span<const std::byte> memory);
    /// Sets pages_[n] for each page written, and counts from now on.
    virtual Status look() = 0;
    std::span<const std::byte> page(std::size_t index) const;  ///< cut to the memory, at both ends
    std::uintptr_t first_page() const { return first_page_; }  ///< address
    std::uint64_t page_size() const { return page_size_; }

    const std::span<const std::byte> memory_;
    std::vector<bool> pages_;  ///< written; all at first

private:
    Extent extent_of(std::size_t first, std::size_t end) const;

    const std::uint64_t page_size_;
    const std::uintptr_t first_page_;
};

}  // namespace pmemckpt::client
