#include "lib/media/file_medium.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pmemckpt::media {

namespace {

/// What msync's start must be a multiple of: 4 KiB here, 64 KiB on some other machines.
std::uint64_t sync_alignment() {
    static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}
/// A long extent goes in pieces, so that a small one of another thread doesn't wait for all of it.
constexpr std::uint64_t kSyncPieceBytes = 64 * kMiB;

/// Whether the mapping is the memory itself. What libpmem2 says is not enough: the environment can make it
/// say so of any file.
bool is_on_dax(const FileDescriptor& file) {
    struct statx status {};
    return ::statx(file.get(), "", AT_EMPTY_PATH, 0, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_DAX) != 0;
}

}  // namespace

Result<std::unique_ptr<Medium>> FileMedium::map(FileDescriptor file, std::string path, Use use) {
    const auto size = TRY(regular_file_size(file, path));
    if (size == 0)
        return fail(ENODATA, "{} is empty; make a pool in it first", path);
    auto mapping = TRY(map_whole(file, use, path));
    mapping.bytes = mapping.bytes.first(std::min<std::size_t>(size, mapping.bytes.size()));
    const bool is_dax = mapping.granularity != PMEM2_GRANULARITY_PAGE && is_on_dax(file);
    return std::unique_ptr<Medium>(
        new FileMedium(std::move(file), std::move(path), use, std::move(mapping), is_dax));
}

FileMedium::FileMedium(FileDescriptor file, std::string path, Use use, Mapping mapping, bool is_dax)
    : MappedMedium(std::move(file), std::move(path), use, std::move(mapping)), is_dax_(is_dax) {
    if (is_dax_)
        look_for_bad_blocks();
}

Status FileMedium::sync_piece(Extent piece) {
    const std::lock_guard lock(syncing_);
    if (failure_)
        return fail_errno(*failure_,
                          "{}: writing to the disk failed earlier, and what was written since can't be "
                          "trusted; check the disk, then start again",
                          path());
    if (::msync(address_of(piece), piece.size.bytes, MS_SYNC) == 0)
        return {};
    failure_ = errno == ENOSPC || errno == EDQUOT ? errno : EIO;
    return fail_errno(*failure_, "{}: msync of {} bytes at {}", path(), piece.size.bytes, piece.at.bytes);
}

Status FileMedium::persist(Extent extent) {
    TRY(check(extent, "written"));
    if (is_dax_)
        return flush(extent);
    TRY(check_stored(extent));
    const std::uint64_t end = extent.at.bytes + extent.size.bytes;
    std::uint64_t at = extent.at.bytes - extent.at.bytes % sync_alignment();
    while (at < end && extent.size.bytes > 0) {
        const auto piece = std::min(end - at, kSyncPieceBytes);
        TRY(sync_piece({{at}, {piece}}));
        at += piece;
    }
    return {};
}

/// The file may be shorter than it was when it was mapped.
Status FileMedium::check_present(std::span<const Extent> extents) const {
    const auto size = TRY(regular_file_size(file(), path()));
    for (const auto& extent : extents)
        if (!fits(extent, {size}))
            return fail(EBADMSG, "{} bytes at {} are gone: {} was cut short, to {} bytes", extent.size.bytes,
                        extent.at.bytes, path(), size);
    return {};
}

Status FileMedium::blank(Extent extent) {
    TRY(check(extent, "blanked"));
    if (extent.size.bytes == 0)
        return {};
    return blank_file(file(), extent, path());
}

Result<std::uint64_t> regular_file_size(const FileDescriptor& file, const std::string& path) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return fail_errno(errno, "{}: fstat", path);
    if (!S_ISREG(status.st_mode))
        return fail(EINVAL, "{} is not a plain file; a pool lies in one, or on a devdax device", path);
    return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace pmemckpt::media
