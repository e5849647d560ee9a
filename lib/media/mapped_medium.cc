#include "lib/media/mapped_medium.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/memory_fault.hh"

namespace pmemckpt::media {

namespace {

/// Beyond so many the whole medium counts as not stored.
constexpr std::size_t kMaximumFailedStores = 1024;

}  // namespace

MappedMedium::MappedMedium(FileDescriptor file, std::string path, Use use, Mapping mapping)
    : file_(std::move(file)), path_(std::move(path)), use_(use), mapping_(std::move(mapping)) {}

void MappedMedium::look_for_bad_blocks() {
    bad_ = known_bad_blocks(file_, {mapping_.bytes.size()}, path_);
}

Status MappedMedium::check(Extent extent, const char* what) const {
    if (use_ != Use::exclusive)
        return fail(EROFS, "{} is open for reading only: it can't be {}", path_, what);
    require(fits(extent, {mapping_.bytes.size()}), "an extent lies within its medium");
    return {};
}

Status MappedMedium::check_stored(Extent extent) const {
    if (!any_failed_)
        return {};
    const std::lock_guard lock(failing_);
    const auto failed =
        std::ranges::find_if(failed_stores_, [&](const Extent& store) { return overlap(store, extent); });
    if (failed == failed_stores_.end())
        return {};
    return fail(EIO,
                "{}: {} bytes at {} could not be stored: the memory is bad there, or the file was cut short; "
                "check the medium, then start again",
                path_, failed->size.bytes, failed->at.bytes);
}

void MappedMedium::note_failed_store(Extent extent) {
    const std::lock_guard lock(failing_);
    if (failed_stores_.size() == kMaximumFailedStores)
        failed_stores_.assign(1, {{0}, {mapping_.bytes.size()}});
    else
        failed_stores_.push_back(extent);
    any_failed_ = true;
}

void MappedMedium::store(Offset at, std::span<const std::byte> bytes) {
    const Extent extent{at, {bytes.size()}};
    require(fits(extent, {mapping_.bytes.size()}), "a store lies within its medium");
    if (!bytes.empty() && try_touch([&] { std::memcpy(address_of(extent), bytes.data(), bytes.size()); }))
        note_failed_store(extent);
}

Status MappedMedium::flush(Extent extent) {
    TRY(check_stored(extent));
    const auto persist = pmem2_get_persist_fn(mapping_.map.get());
    if (try_touch([&] { persist(address_of(extent), extent.size.bytes); }))
        return fail(EIO, "{}: {} bytes at {} can't be flushed: the memory is bad there, or was cut short",
                    path_, extent.size.bytes, extent.at.bytes);
    return {};
}

Status MappedMedium::deep_flush(Extent extent) {
    const int code = pmem2_deep_flush(mapping_.map.get(), address_of(extent), extent.size.bytes);
    if (code != 0)
        return fail(EIO, "{}: a deep flush of {} bytes at {} failed: {}", path_, extent.size.bytes,
                    extent.at.bytes, pmem2_errormsg());
    return {};
}

Status MappedMedium::set_zero(Extent extent) {
    const auto set = pmem2_get_memset_fn(mapping_.map.get());
    if (try_touch([&] { set(address_of(extent), 0, extent.size.bytes, PMEM2_F_MEM_NONTEMPORAL); }))
        return fail(EIO, "{}: {} bytes at {} can't be blanked: the memory is bad there", path_,
                    extent.size.bytes, extent.at.bytes);
    return {};
}

}  // namespace pmemckpt::media
