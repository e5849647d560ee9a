#pragma once
// A draft: pages that no table knows yet.
#include <atomic>
#include <memory>
#include <string>

#include "lib/pool/page_store.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::pool {

/// May outlive its pool; it can't be sealed then.
class PagesDraft final : public Draft {
public:
    using Counter = std::shared_ptr<std::atomic<std::uint64_t>>;

    PagesDraft(std::string region, std::uint64_t region_id, std::uint64_t size, Pages pages, Counter counter);
    ~PagesDraft() override;
    PagesDraft(const PagesDraft&) = delete;
    PagesDraft& operator=(const PagesDraft&) = delete;

    const std::string& region() const override { return region_; }
    std::uint64_t size() const override { return size_; }
    const std::vector<std::uint64_t>& page_offsets() const override { return pages_.offsets(); }

    std::uint64_t region_id() const { return region_id_; }
    Pages& pages() { return pages_; }
    /// Whether the pool with this counter made it.
    bool is_of(const Counter& counter) const { return counter_ == counter; }

private:
    std::string region_;
    std::uint64_t region_id_;
    std::uint64_t size_;
    Pages pages_;
    Counter counter_;
};

}  // namespace pmemckpt::pool
