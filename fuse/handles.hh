#pragma once
// What the kernel has open: numbers for fuse_file_info.fh, and an end of everything when the session ends
// without a release.
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

namespace pmemckpt::view {

template <class Open>
class Handles {
public:
    std::uint64_t add(std::shared_ptr<Open> open) {
        std::lock_guard lock(mutex_);
        open_.emplace(next_, std::move(open));
        return next_++;
    }
    /// nullptr when there is none.
    std::shared_ptr<Open> find(std::uint64_t handle) const {
        std::shared_lock lock(mutex_);
        const auto found = open_.find(handle);
        return found == open_.end() ? nullptr : found->second;
    }
    /// Given back, so that its end, which may take a round trip, is not under the lock.
    std::shared_ptr<Open> remove(std::uint64_t handle) {
        std::lock_guard lock(mutex_);
        auto node = open_.extract(handle);
        return node ? std::move(node.mapped()) : nullptr;
    }
    std::size_t size() const {
        std::shared_lock lock(mutex_);
        return open_.size();
    }

private:
    mutable std::shared_mutex mutex_;  // guards what follows
    std::unordered_map<std::uint64_t, std::shared_ptr<Open>> open_;
    std::uint64_t next_ = 1;
};

}  // namespace pmemckpt::view
