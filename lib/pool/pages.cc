#include <algorithm>
#include <utility>

#include "lib/pool/page_store.hh"

namespace pmemckpt::pool {

Pages::Pages(std::shared_ptr<PageStore> store, std::vector<PageExtent> extents)
    : store_(std::move(store)), extents_(std::move(extents)), table_(std::make_unique<OffsetTable>()) {}

Pages& Pages::operator=(Pages&& other) noexcept {
    if (this != &other) {
        release();
        store_ = std::move(other.store_);
        extents_ = std::move(other.extents_);
        table_ = std::move(other.table_);
    }
    return *this;
}

void Pages::release() noexcept {
    if (const auto store = std::exchange(store_, nullptr))
        store->release(extents_);
    extents_.clear();
}

std::uint64_t Pages::count() const {
    std::uint64_t sum = 0;
    for (const auto extent : extents_)
        sum += extent.count;
    return sum;
}

std::uint64_t Pages::bytes() const {
    return store_ ? count() * store_->geometry().page_size : 0;
}

const std::vector<std::uint64_t>& Pages::offsets() const {
    static const std::vector<std::uint64_t> kNone;
    if (!table_)
        return kNone;
    std::call_once(table_->once, [this] { table_->offsets = list_offsets(); });
    return table_->offsets;
}

std::vector<std::uint64_t> Pages::list_offsets() const {
    std::vector<std::uint64_t> offsets;
    offsets.reserve(count());
    const auto page_size = store_->geometry().page_size;
    for (const auto extent : extents_) {
        const auto first = store_->bytes_of(extent).at.bytes;
        for (std::uint64_t page = 0; page < extent.count; ++page)
            offsets.push_back(first + page * page_size);
    }
    return offsets;
}

void Pages::truncate(std::uint64_t count) {
    std::vector<PageExtent> kept, rest;
    for (const auto extent : extents_) {
        const auto here = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, extent.count));
        count -= here;
        if (here > 0)
            kept.push_back({extent.start, here});
        if (here < extent.count)
            rest.push_back({extent.start + here, extent.count - here});
    }
    if (rest.empty())
        return;
    extents_ = std::move(kept);
    table_ = std::make_unique<OffsetTable>();
    store_->release(rest);
}

}  // namespace pmemckpt::pool
