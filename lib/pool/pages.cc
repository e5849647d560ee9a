#include <algorithm>
#include <utility>

#include "lib/pool/page_store.hh"

namespace pmemckpt::pool {

ExtentList::ExtentList(std::vector<PageExtent> extents) {
    if (extents.size() == 1)
        extents_ = extents[0];
    else if (!extents.empty())
        extents_ = std::make_unique<const std::vector<PageExtent>>(std::move(extents));
}

std::span<const PageExtent> ExtentList::get() const {
    if (const auto* one = std::get_if<PageExtent>(&extents_))
        return {one, 1};
    const auto& several = std::get<0>(extents_);
    return several ? std::span<const PageExtent>(*several) : std::span<const PageExtent>();
}

OffsetTable& OffsetTable::operator=(OffsetTable&& other) noexcept {
    if (this != &other)
        delete made_.exchange(other.made_.exchange(nullptr));
    return *this;
}

Pages::Pages(std::shared_ptr<PageStore> store, std::vector<PageExtent> extents)
    : store_(std::move(store)), extents_(std::move(extents)) {}

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
        store->release(extents_.get());
    extents_ = {};
}

std::span<const PageExtent> Pages::extents() const {
    return store_ ? extents_.get() : std::span<const PageExtent>();
}

std::uint64_t Pages::count() const {
    std::uint64_t sum = 0;
    for (const auto extent : extents())
        sum += extent.count;
    return sum;
}

std::uint64_t Pages::bytes() const {
    return store_ ? count() * store_->geometry().page_size : 0;
}

const std::vector<std::uint64_t>& Pages::offsets() const {
    static const std::vector<std::uint64_t> kNone;
    return store_ ? table_.get([this] { return list_offsets(); }) : kNone;
}

std::vector<std::uint64_t> Pages::list_offsets() const {
    std::vector<std::uint64_t> offsets;
    offsets.reserve(count());
    const auto page_size = store_->geometry().page_size;
    for (const auto extent : extents()) {
        const auto first = store_->bytes_of(extent).at.bytes;
        for (std::uint64_t page = 0; page < extent.count; ++page)
            offsets.push_back(first + page * page_size);
    }
    return offsets;
}

std::vector<Extent> Pages::locate(Extent range) const {
    std::vector<Extent> runs;
    for (const auto extent : extents()) {
        if (range.size.bytes == 0)
            break;
        const auto [at, size] = store_->bytes_of(extent);
        const auto skipped = std::min(range.at.bytes, size.bytes);
        const auto here = std::min(range.size.bytes, size.bytes - skipped);
        if (here > 0)
            runs.push_back({{at.bytes + skipped}, {here}});
        range.at.bytes -= skipped;
        range.size.bytes -= here;
    }
    return runs;
}

void Pages::truncate(std::uint64_t count) {
    std::vector<PageExtent> kept, rest;
    for (const auto extent : extents()) {
        const auto here = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, extent.count));
        count -= here;
        if (here > 0)
            kept.push_back({extent.start, here});
        if (here < extent.count)
            rest.push_back({extent.start + here, extent.count - here});
    }
    if (rest.empty())
        return;
    extents_ = ExtentList(std::move(kept));
    table_ = {};
    store_->release(rest);
}

}  // namespace pmemckpt::pool
