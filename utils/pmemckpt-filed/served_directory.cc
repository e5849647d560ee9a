#include "utils/pmemckpt-filed/served_directory.hh"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace pmemckpt::filed {

namespace {

constexpr std::size_t kLongestPath = 4000;
constexpr int kAttempts = 100;  // a rename elsewhere in the tree makes the kernel ask for another one
constexpr std::uint64_t kBeneath =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

int open_beneath(int folder, const char* path, int flags, mode_t mode) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    how.mode = (flags & O_CREAT) != 0 ? mode & 0777 : 0;
    how.resolve = kBeneath;
    long opened = -1;
    for (int i = 0; i < kAttempts; ++i) {
        opened = ::syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (opened >= 0 || errno != EAGAIN)
            break;
    }
    return static_cast<int>(opened);
}

tl::unexpected<Error> cannot_open(const std::string& path, int code) {
    if (code == ELOOP)
        return fail(EACCES, "{} is, or leads through, a symbolic link: none is followed", path);
    if (code == ENOTDIR)
        return fail(EACCES, "{} is no folder, or a symbolic link: none is followed", path);
    if (code == EXDEV)
        return fail(EACCES, "{} leads out of the served directory, or of its file system", path);
    return fail_errno(code, "{}", path);
}

/// nullptr when the part is a good one.
const char* wrong_with_part(std::string_view part) {
    if (part.empty())
        return "has an empty part; parts are joined by single slashes";
    if (part == "." || part == "..")
        return "has a part . or ..";
    return nullptr;
}

}  // namespace

Status check_path(const std::string& path) {
    if (path.empty() || path.size() > kLongestPath || path.find('\0') != std::string::npos)
        return fail(EINVAL, "a path of {} bytes: 1 to {} are allowed, and no zero", path.size(),
                    kLongestPath);
    if (path.front() == '/')
        return fail(EACCES, "{} is absolute: paths are those within the served directory", path);
    for (std::string_view rest = path;;) {
        const auto slash = rest.find('/');
        if (const char* wrong = wrong_with_part(rest.substr(0, slash)))
            return fail(EACCES, "{} {}", path, wrong);
        if (slash == std::string_view::npos)
            break;
        rest.remove_prefix(slash + 1);
    }
    if (std::string_view(path).substr(0, path.find('/')) == kOwnFolder)
        return fail(EACCES, "{} is the service's own", kOwnFolder);
    return {};
}

Result<ServedDirectory> ServedDirectory::open(const std::string& path) {
    FileDescriptor root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root)
        return fail_errno(errno, "can't serve {}", path);
    if (::mkdirat(root.get(), kOwnFolder, 0700) != 0 && errno != EEXIST)
        return fail_errno(errno, "can't make {}/{}", path, kOwnFolder);
    FileDescriptor own(open_beneath(root.get(), kOwnFolder, O_RDONLY | O_DIRECTORY, 0));
    if (!own && errno == ENOSYS)
        return fail(ENOSYS, "this kernel has no openat2: Linux 5.6 or newer is needed");
    if (!own)
        return cannot_open(kOwnFolder, errno);
    if (::fsync(root.get()) != 0)
        return fail_errno(errno, "can't bring {} to disk", path);
    return ServedDirectory(std::move(root), std::move(own), path);
}

Result<FileDescriptor> ServedDirectory::resolve(const std::string& path, int flags, mode_t mode) const {
    FileDescriptor file(open_beneath(root_.get(), path.c_str(), flags, mode));
    if (!file)
        return cannot_open(path, errno);
    return file;
}

Result<FileDescriptor> ServedDirectory::open_file(const std::string& path, int flags, mode_t mode) const {
    TRY(check_path(path));
    auto file = TRY(resolve(path, flags, mode));
    struct stat status;
    if (::fstat(file.get(), &status) != 0)
        return fail_errno(errno, "can't look at {}", path);
    if (!S_ISREG(status.st_mode))
        return fail(EINVAL, "{} is no plain file", path);
    return file;
}

Result<ServedDirectory::Place> ServedDirectory::place_of(const std::string& path) const {
    TRY(check_path(path));
    const auto slash = path.rfind('/');
    const auto folder = slash == std::string::npos ? "." : path.substr(0, slash);
    const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    return Place{TRY(resolve(folder, O_RDONLY | O_DIRECTORY, 0)), name};
}

Status ServedDirectory::move(int from, const std::string& old, int to, const std::string& name) {
    if (::renameat(from, old.c_str(), to, name.c_str()) != 0)
        return fail_errno(errno, "can't rename {} to {}", old, name);
    if (::fsync(to) != 0 || ::fsync(from) != 0)
        return fail_errno(errno, "can't bring the names {} and {} to disk", old, name);
    return {};
}

Status ServedDirectory::rename(const std::string& from, const std::string& to) const {
    const auto old = TRY(place_of(from));
    const auto made = TRY(place_of(to));
    return move(old.folder.get(), old.name, made.folder.get(), made.name);
}

Status ServedDirectory::move_out(const std::string& path, int folder, const std::string& name) const {
    const auto place = TRY(place_of(path));
    return move(place.folder.get(), place.name, folder, name);
}

Status ServedDirectory::move_in(int folder, const std::string& name, const std::string& path) const {
    const auto place = TRY(place_of(path));
    return move(folder, name, place.folder.get(), place.name);
}

Status ServedDirectory::remove(const std::string& path) const {
    const auto place = TRY(place_of(path));
    if (::unlinkat(place.folder.get(), place.name.c_str(), 0) != 0)
        return fail_errno(errno, "can't remove {}", path);
    return ::fsync(place.folder.get()) == 0 ? Status()
                                            : fail_errno(errno, "can't bring the end of {} to disk", path);
}

Result<ServedDirectory::Kind> ServedDirectory::kind_of(const std::string& path) const {
    const auto place = place_of(path);
    if (!place && place.error().code != ENOENT)
        return tl::unexpected(place.error());
    struct stat status;
    if (!place || ::fstatat(place->folder.get(), place->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return Kind::none;
    return S_ISREG(status.st_mode) ? Kind::file : S_ISDIR(status.st_mode) ? Kind::folder : Kind::other;
}

Status ServedDirectory::flush_folder_of(const std::string& path) const {
    const auto place = TRY(place_of(path));
    return ::fsync(place.folder.get()) == 0 ? Status()
                                            : fail_errno(errno, "can't bring the folder of {} to disk", path);
}

}  // namespace pmemckpt::filed
