#include "lib/client/dirty_tracker.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/client/dirty_methods.hh"

namespace pmemckpt::client {

namespace {

std::uint64_t system_page_size() {
    return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<std::unique_ptr<DirtyTracker>> track_by(TrackingMethod method, std::span<const std::byte> memory) {
    switch (method) {
        case TrackingMethod::write_protect: return track_by_write_protect(memory);
        case TrackingMethod::soft_dirty: return track_by_soft_dirty(memory);
        case TrackingMethod::checksums: return track_by_checksums(memory);
    }
    return fail(EINVAL, "there is no tracking method {}", static_cast<int>(method));
}

}  // namespace

const char* to_string(TrackingMethod method) {
    switch (method) {
        case TrackingMethod::write_protect: return "write-protect";
        case TrackingMethod::soft_dirty: return "soft-dirty";
        case TrackingMethod::checksums: return "checksums";
    }
    return "unknown";
}

Result<std::unique_ptr<DirtyTracker>> DirtyTracker::create(std::span<const std::byte> memory,
                                                           std::optional<TrackingMethod> method) {
    if (memory.empty())
        return fail(EINVAL, "memory of 0 bytes can't be tracked");
    if (method)
        return track_by(*method, memory);
    for (const auto one : {TrackingMethod::write_protect, TrackingMethod::soft_dirty})
        if (auto tracker = track_by(one, memory))
            return tracker;
    return track_by(TrackingMethod::checksums, memory);
}

DirtyTracker::DirtyTracker(std::span<const std::byte> memory)
    : memory_(memory),
      page_size_(system_page_size()),
      first_page_(reinterpret_cast<std::uintptr_t>(memory.data()) & ~(page_size_ - 1)) {
    const auto end = reinterpret_cast<std::uintptr_t>(memory.data()) + memory.size();
    pages_.assign(divide_up(end - first_page_, page_size_), true);
}

/// The pages [first, end), cut to the memory.
Extent DirtyTracker::extent_of(std::size_t first, std::size_t end) const {
    const auto before = reinterpret_cast<std::uintptr_t>(memory_.data()) - first_page_;
    const auto from = std::max<std::uint64_t>(first * page_size_, before) - before;
    const auto to = std::min<std::uint64_t>(end * page_size_ - before, memory_.size());
    return {{from}, {to - from}};
}

std::span<const std::byte> DirtyTracker::page(std::size_t index) const {
    const auto extent = extent_of(index, index + 1);
    return memory_.subspan(extent.at.bytes, extent.size.bytes);
}

Result<std::vector<Extent>> DirtyTracker::collect() {
    TRY(look());
    std::vector<Extent> extents;
    for (std::size_t at = 0; at < pages_.size(); ++at) {
        if (!pages_[at])
            continue;
        const auto first = at;
        while (at < pages_.size() && pages_[at])
            ++at;
        extents.push_back(extent_of(first, at));
    }
    pages_.assign(pages_.size(), false);
    return extents;
}

void DirtyTracker::mark(std::span<const Extent> extents) {
    const auto before = reinterpret_cast<std::uintptr_t>(memory_.data()) - first_page_;
    for (const auto& extent : extents) {
        if (extent.size.bytes == 0 || !fits(extent, {memory_.size()}))
            continue;
        const auto first = (extent.at.bytes + before) / page_size_;
        const auto last = (extent.at.bytes + extent.size.bytes - 1 + before) / page_size_;
        for (auto at = first; at <= last; ++at)
            pages_[at] = true;
    }
}

}  // namespace pmemckpt::client
