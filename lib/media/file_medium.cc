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

inline void delete_config(pmem2_config* config) {
    pmem2_config_delete(&config);
}
inline void delete_source(pmem2_source* source) {
    pmem2_source_delete(&source);
}
using Config = std::unique_ptr<pmem2_config, Closer<delete_config>>;
using Source = std::unique_ptr<pmem2_source, Closer<delete_source>>;

Status pmem2_status(int code, const char* call, const std::string& path) {
    if (code == 0)
        return {};
    // libpmem2 gives an errno, negated, or one of its own codes, which start at PMEM2_E_UNKNOWN.
    return fail(code > PMEM2_E_UNKNOWN ? -code : EINVAL, "{}: {}: {}", path, call, pmem2_errormsg());
}

Result<Config> make_config(Use use, const std::string& path) {
    pmem2_config* config = nullptr;
    TRY(pmem2_status(pmem2_config_new(&config), "pmem2_config_new", path));
    Config owner(config);
    const unsigned protection =
        use == Use::exclusive ? unsigned{PMEM2_PROT_READ | PMEM2_PROT_WRITE} : unsigned{PMEM2_PROT_READ};
    TRY(pmem2_status(pmem2_config_set_required_store_granularity(config, PMEM2_GRANULARITY_PAGE),
                     "pmem2_config_set_required_store_granularity", path));
    TRY(pmem2_status(pmem2_config_set_sharing(config, PMEM2_SHARED), "pmem2_config_set_sharing", path));
    TRY(pmem2_status(pmem2_config_set_protection(config, protection), "pmem2_config_set_protection", path));
    return owner;
}

Result<Map> make_map(const FileDescriptor& file, Use use, const std::string& path) {
    const auto config = TRY(make_config(use, path));
    pmem2_source* source = nullptr;
    TRY(pmem2_status(pmem2_source_from_fd(&source, file.get()), "pmem2_source_from_fd", path));
    const Source source_owner(source);
    pmem2_map* map = nullptr;
    TRY(pmem2_status(pmem2_map_new(&map, config.get(), source), "pmem2_map_new", path));
    return Map(map);
}

}  // namespace

Result<std::unique_ptr<Medium>> FileMedium::map(FileDescriptor file, std::string path, Use use) {
    const auto size = TRY(regular_file_size(file, path));
    if (size == 0)
        return fail(ENODATA, "{} is empty; make a pool in it first", path);
    auto map = TRY(make_map(file, use, path));
    auto* address = static_cast<std::byte*>(pmem2_map_get_address(map.get()));
    const std::span bytes(address, std::min<std::size_t>(size, pmem2_map_get_size(map.get())));
    return std::unique_ptr<Medium>(
        new FileMedium(std::move(file), std::move(path), use, std::move(map), bytes));
}

FileMedium::FileMedium(FileDescriptor file, std::string path, Use use, Map map, std::span<std::byte> bytes)
    : file_(std::move(file)), path_(std::move(path)), use_(use), map_(std::move(map)), bytes_(bytes) {}

Status FileMedium::check(Extent extent, const char* what) const {
    if (use_ != Use::exclusive)
        return fail(EROFS, "{} is open for reading only: it can't be {}", path_, what);
    require(fits(extent, {bytes_.size()}), "an extent lies within its medium");
    return {};
}

Status FileMedium::sync_piece(Extent piece) {
    const std::lock_guard lock(syncing_);
    if (failure_)
        return fail_errno(*failure_,
                          "{}: writing to the disk failed earlier, and what was written since can't be "
                          "trusted; check the disk, then start again",
                          path_);
    if (::msync(bytes_.data() + piece.at.bytes, piece.size.bytes, MS_SYNC) == 0)
        return {};
    failure_ = errno == ENOSPC || errno == EDQUOT ? errno : EIO;
    return fail_errno(*failure_, "{}: msync of {} bytes at {}", path_, piece.size.bytes, piece.at.bytes);
}

Status FileMedium::persist(Extent extent) {
    TRY(check(extent, "written"));
    const std::uint64_t end = extent.at.bytes + extent.size.bytes;
    std::uint64_t at = extent.at.bytes - extent.at.bytes % sync_alignment();
    while (at < end && extent.size.bytes > 0) {
        const auto piece = std::min(end - at, kSyncPieceBytes);
        TRY(sync_piece({{at}, {piece}}));
        at += piece;
    }
    return {};
}

Status FileMedium::blank(Extent extent) {
    TRY(check(extent, "blanked"));
    if (extent.size.bytes == 0)
        return {};
    return blank_file(file_, extent, path_);
}

namespace {

Status take_lock(const FileDescriptor& file, short type, const std::string& path) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    if (::fcntl(file.get(), F_OFD_SETLK, &lock) == 0)
        return {};
    if (errno == EAGAIN || errno == EACCES)
        return fail(EBUSY, "{} is in use by another program, most likely its manager; stop that one first",
                    path);
    return fail_errno(errno, "{}: can't take the lock", path);
}

}  // namespace

Status lock_file(const FileDescriptor& file, const std::string& path) {
    return take_lock(file, F_WRLCK, path);
}

Status lock_file_shared(const FileDescriptor& file, const std::string& path) {
    return take_lock(file, F_RDLCK, path);
}

Result<std::uint64_t> regular_file_size(const FileDescriptor& file, const std::string& path) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return fail_errno(errno, "{}: fstat", path);
    if (!S_ISREG(status.st_mode))
        return fail(EINVAL, "{} is not a plain file; a pool lies in a plain file", path);
    return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace pmemckpt::media
