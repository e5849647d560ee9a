#pragma once
// Which pages of a pool are free, and how many own each of the others. Nothing of it lies on media: it
// follows from the journal at open.
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "lib/base/result.hh"
#include "lib/base/units.hh"
#include "lib/format/layout.hh"
#include "lib/format/record.hh"

namespace pmemckpt::pool {

using format::PageExtent;

class PageStore;

/// Extents that don't change. Small, for a pool keeps many lists of them, and most have a single one.
class ExtentList {
public:
    ExtentList() = default;
    explicit ExtentList(std::vector<PageExtent> extents);
    std::span<const PageExtent> get() const;

private:
    std::variant<std::unique_ptr<const std::vector<PageExtent>>, PageExtent> extents_;
};

/// Made when it is asked for first: few are, of all that a pool keeps. Threads: get() from any.
class OffsetTable {
public:
    using Offsets = std::vector<std::uint64_t>;

    OffsetTable() = default;
    OffsetTable(OffsetTable&& other) noexcept : made_(other.made_.exchange(nullptr)) {}
    OffsetTable& operator=(OffsetTable&& other) noexcept;
    ~OffsetTable() { delete made_.load(); }
    template <class Make>
    const Offsets& get(const Make& make) const {
        if (const auto* made = made_.load())
            return *made;
        auto fresh = std::make_unique<const Offsets>(make());
        const Offsets* other = nullptr;
        return made_.compare_exchange_strong(other, fresh.get()) ? *fresh.release() : *other;
    }

private:
    mutable std::atomic<const Offsets*> made_ = nullptr;
};

/// One owner's share of some pages. Movable; the pages go back to the store when it dies, and the store lives
/// at least as long. Threads: const calls from any.
class Pages {
public:
    Pages() = default;
    Pages(Pages&&) noexcept = default;
    Pages& operator=(Pages&& other) noexcept;
    ~Pages() { release(); }

    std::span<const PageExtent> extents() const;
    /// The same, to keep.
    std::vector<PageExtent> list() const { return {extents().begin(), extents().end()}; }
    std::uint64_t count() const;
    std::uint64_t bytes() const;
    /// Where each page lies: offset in the medium, in bytes. Made at the first call: a large pool has
    /// millions.
    const std::vector<std::uint64_t>& offsets() const;
    /// Where a range of the content lies: runs in the medium, in their order. It is within bytes().
    std::vector<Extent> locate(Extent range) const;
    /// Keeps the first `count` pages and gives the others back. No reference to offsets() may be in use.
    void truncate(std::uint64_t count);

private:
    friend class PageStore;
    Pages(std::shared_ptr<PageStore> store, std::vector<PageExtent> extents);
    void release() noexcept;
    std::vector<std::uint64_t> list_offsets() const;

    std::shared_ptr<PageStore> store_;
    ExtentList extents_;
    OffsetTable table_;
};

/// Threads: every call from any. Its lock is a leaf: nothing else is taken under it.
class PageStore : public std::enable_shared_from_this<PageStore> {
public:
    struct Geometry {
        std::uint64_t offset = 0;     ///< of page 0 in the medium, bytes
        std::uint64_t page_size = 0;  ///< bytes
        std::uint64_t count = 0;
    };
    static std::shared_ptr<PageStore> make(const Geometry& geometry);

    const Geometry& geometry() const { return geometry_; }
    std::uint64_t free_pages() const;
    /// 0: it is free.
    std::uint64_t owners(std::uint32_t page) const;
    Extent bytes_of(PageExtent extent) const;

    /// In as few runs as possible: the smallest free one that is long enough, else the longest ones. ENOSPC.
    Result<Pages> allocate(std::uint64_t count);
    /// Whether pages that have an owner may get another one.
    using MayShare = std::function<bool(PageExtent)>;
    /// Just these pages, as recovery finds them. EUCLEAN when one is out of range, is named twice, or has an
    /// owner and `may_share` does not allow it.
    Result<Pages> claim(std::vector<PageExtent> extents, const MayShare& may_share = {});
    /// One more owner of the same pages: they are free when all owners have let go.
    Pages share(const Pages& pages);
    /// Nobody gets this page any more: it counts as owned from now on, or from when its owners let go.
    void withhold(std::uint32_t page);
    std::uint64_t withheld_pages() const;
    /// As many pages as `own` has entries: own ones where it says so, the others shared with `base` at the
    /// same place. ENOSPC.
    Result<Pages> derive(const Pages& base, const std::vector<bool>& own);

private:
    friend class Pages;
    explicit PageStore(const Geometry& geometry);
    void release(std::span<const PageExtent> extents);

    // All of these under lock_. Neighbouring free runs are always merged.
    Result<std::vector<PageExtent>> take_runs(std::uint64_t count);
    PageExtent take_run(std::uint64_t wanted);
    Status claim_extent(PageExtent extent, const MayShare& may_share, std::vector<PageExtent>& taken);
    PageExtent first_piece(PageExtent extent) const;
    void add_owner(PageExtent extent);
    bool is_free(PageExtent extent) const;
    void take_out(PageExtent extent);
    void disown(PageExtent extent);
    void give_back(PageExtent extent);
    void insert_run(std::uint32_t start, std::uint32_t count);
    std::map<std::uint32_t, std::uint32_t>::iterator erase_run(
        std::map<std::uint32_t, std::uint32_t>::iterator run);

    const Geometry geometry_;
    mutable std::mutex lock_;
    std::uint64_t free_pages_ = 0;
    std::map<std::uint32_t, std::uint32_t> runs_;                 ///< free: start to count
    std::set<std::pair<std::uint32_t, std::uint32_t>> by_count_;  ///< the same: count, start
    std::set<std::uint32_t> withheld_;                            ///< each has one owner for that
    std::map<std::uint32_t, std::uint64_t> more_owners_;          ///< page to owners beyond the first, if any
};

}  // namespace pmemckpt::pool
