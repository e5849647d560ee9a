#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "lib/media/devdax_medium.hh"
#include "lib/media/device_node.hh"
#include "lib/media/file_medium.hh"
#include "lib/media/inspect.hh"
#include "lib/media/lock.hh"

namespace pmemckpt::media {

namespace {

constexpr mode_t kPoolMode = 0600;  // checkpoints are their owners' business

Result<FileDescriptor> open_file(const std::string& path, int flags) {
    FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kPoolMode));
    if (file)
        return file;
    const int code = errno;
    if (code == ENOENT && (flags & O_CREAT) != 0)
        return fail(ENOENT, "can't make {}: its directory is not there", path);
    if (names_a_device(path))
        return tl::unexpected(device_error(code, path));
    if (code == ENOENT)
        return fail(ENOENT, "there is no pool file {}", path);
    if (code == EEXIST)
        return fail(EEXIST, "{} exists; say --force to lose what is in it", path);
    return fail_errno(code, "can't open {}", path);
}

/// The path may have got another file between open and lock; a lock on the old one protects nothing.
Status still_named(const FileDescriptor& file, const std::string& path) {
    struct stat held {
    }, named{};
    if (::fstat(file.get(), &held) != 0)
        return fail_errno(errno, "{}: fstat", path);
    if (::stat(path.c_str(), &named) != 0 || held.st_ino != named.st_ino || held.st_dev != named.st_dev)
        return fail(EBUSY, "{} was replaced just now; try again", path);
    return {};
}

std::string parent_of(const std::string& path) {
    const auto parent = std::filesystem::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}

Status sync_directory_of(const std::string& path) {
    const auto parent = parent_of(path);
    const auto directory = TRY(open_file(parent, O_RDONLY | O_DIRECTORY));
    // Some file systems can't sync a directory, and say EINVAL; they have no other way either.
    if (::fsync(directory.get()) != 0 && errno != EINVAL)
        return fail_errno(errno, "fsync of the directory {}", parent);
    return {};
}

/// Removes the file again unless kept.
class NewFile {
public:
    explicit NewFile(std::string path) : path_(std::move(path)) {}
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        if (!path_.empty())
            ::unlink(path_.c_str());
    }
    void renamed(std::string path) { path_ = std::move(path); }
    void keep() { path_.clear(); }

private:
    std::string path_;
};

Status give_size(const FileDescriptor& file, Length size, const std::string& path) {
    TRY(lock_file(file, path));
    if (size.bytes > INT64_MAX || ::ftruncate(file.get(), static_cast<off_t>(size.bytes)) != 0)
        return fail_errno(size.bytes > INT64_MAX ? EFBIG : errno,
                          "{}: a file of {} can't be made on this file system", path,
                          format_size(size.bytes));
    if (::fsync(file.get()) != 0)
        return fail_errno(errno, "{}: fsync", path);
    return {};
}

Result<std::unique_ptr<Medium>> create_new(const std::string& path, Length size) {
    auto file = TRY(open_file(path, O_RDWR | O_CREAT | O_EXCL));
    NewFile made(path);
    TRY(give_size(file, size, path));
    TRY(sync_directory_of(path));
    auto medium = TRY(FileMedium::map(std::move(file), path, Use::exclusive));
    made.keep();
    return medium;
}

/// Lock of what is there; nothing when nothing is. ENOENT is no error here.
Result<FileDescriptor> lock_old(const std::string& path) {
    auto old = open_file(path, O_RDWR);
    if (!old && old.error().code == ENOENT)
        return FileDescriptor();
    if (!old)
        return old;
    TRY(regular_file_size(*old, path));
    TRY(lock_file(*old, path));
    return old;
}

/// The new file takes the old one's name only when it is complete, and while the old one's lock is held.
Result<std::unique_ptr<Medium>> create_over(const std::string& path, Length size) {
    const auto old = TRY(lock_old(path));
    std::error_code no_target;
    const auto target = old ? std::filesystem::canonical(path, no_target).string() : path;
    if (no_target)
        return fail_errno(no_target.value(), "can't find what {} points to", path);
    std::string temporary = target + ".XXXXXX";
    FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!file)
        return fail_errno(errno, "can't make a file beside {}", path);
    NewFile made(temporary);
    TRY(give_size(file, size, path));
    auto medium = TRY(FileMedium::map(std::move(file), path, Use::exclusive));
    if (::rename(temporary.c_str(), target.c_str()) != 0)
        return fail_errno(errno, "can't rename {} to {}", temporary, target);
    made.renamed(target);
    TRY(sync_directory_of(target));
    made.keep();
    return medium;
}

enum class Kind { file, device };

Result<Kind> kind_of(const FileDescriptor& file, const std::string& path) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return fail_errno(errno, "{}: fstat", path);
    if (S_ISBLK(status.st_mode))
        return fail(EINVAL,
                    "{} is a block device; a pool lies on a devdax device ({} makes one of an NVDIMM's free "
                    "room) or in a plain file; pmemckpt-ctl list-devices shows what there is",
                    path, kMakeDevice);
    return S_ISCHR(status.st_mode) ? Kind::device : Kind::file;
}

/// How the lock is taken: by nobody, with others that only look, or alone.
enum class Lock { none, shared, exclusive };

Result<std::unique_ptr<Medium>> map_device(FileDescriptor file, const std::string& path, Use use, Lock lock) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return fail_errno(errno, "{}: fstat", path);
    const auto device = TRY(find_dax_device(status.st_rdev, path));
    FileDescriptor held;
    if (lock != Lock::none)
        held = TRY(lock_dax_device(file, device, lock == Lock::exclusive, path));
    return DevdaxMedium::map(std::move(file), std::move(held), device, path, use);
}

Result<std::unique_ptr<Medium>> map_file(FileDescriptor file, const std::string& path, Use use, Lock lock) {
    TRY(regular_file_size(file, path));
    if (lock != Lock::none) {
        TRY(lock == Lock::exclusive ? lock_file(file, path) : lock_file_shared(file, path));
        TRY(still_named(file, path));
    }
    return FileMedium::map(std::move(file), path, use);
}

Result<std::unique_ptr<Medium>> map_existing(const std::string& path, Use use, Lock lock) {
    auto file = TRY(open_file(path, use == Use::exclusive ? O_RDWR : O_RDONLY));
    const auto kind = TRY(kind_of(file, path));
    return kind == Kind::device ? map_device(std::move(file), path, use, lock)
                                : map_file(std::move(file), path, use, lock);
}

}  // namespace

Result<std::unique_ptr<Medium>> open_medium(const std::string& path, Use use) {
    return map_existing(path, use, use == Use::exclusive ? Lock::exclusive : Lock::none);
}

Result<std::unique_ptr<Medium>> inspect_medium(const std::string& path) {
    return map_existing(path, Use::read_only, Lock::shared);
}

bool is_device(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)
                                              : names_a_device(path);
}

Result<std::unique_ptr<Medium>> create_file_medium(const std::string& path, Length size, bool replace) {
    return replace ? create_over(path, size) : create_new(path, size);
}

}  // namespace pmemckpt::media
