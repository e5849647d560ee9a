#pragma once
// A draft: pages that no table knows yet.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "lib/pool/page_store.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::pool {

/// May outlive its pool; it can't be sealed then.
class PagesDraft final : public Draft {
public:
    using Counter = std::shared_ptr<std::atomic<std::uint64_t>>;
    /// Where a clone comes from.
    struct Origin {
        std::shared_ptr<const Pages> base;  ///< held
        std::vector<bool> own;              ///< the pages that it does not share with it; empty: all
    };

    PagesDraft(const RegionInfo& region, std::uint64_t size, Pages pages, Counter counter, Origin origin);
    ~PagesDraft() override;
    PagesDraft(const PagesDraft&) = delete;
    PagesDraft& operator=(const PagesDraft&) = delete;

    const std::string& region() const override { return region_; }
    std::uint64_t size() const override { return size_; }
    const std::vector<std::uint64_t>& page_offsets() const override { return pages_.offsets(); }
    const std::vector<bool>& writable() const override { return origin_.own; }
    std::uint64_t epoch() const override { return epoch_; }

    std::uint64_t region_id() const { return region_id_; }
    Pages& pages() { return pages_; }
    const Pages& pages() const { return pages_; }
    /// Keeps the first `count` pages.
    void truncate(std::uint64_t count);
    /// Whether the pool with this counter made it.
    bool is_of(const Counter& counter) const { return counter_ == counter; }

private:
    std::string region_;
    std::uint64_t region_id_;
    std::uint64_t epoch_;
    std::uint64_t size_;
    Pages pages_;
    Counter counter_;
    Origin origin_;
};

/// The pages of `pages` that `own` marks, in as few extents as possible; with an empty `own`, all.
std::vector<PageExtent> own_extents(const Pages& pages, const std::vector<bool>& own);

}  // namespace pmemckpt::pool
