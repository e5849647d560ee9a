#include "utils/pmemckpt-filed/served_directory.hh"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>

namespace pmemckpt::filed {

namespace {

constexpr int kAttempts = 100;  // a rename elsewhere in the tree makes the kernel ask for another one
constexpr std::uint64_t kBeneath =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

int open_beneath(int folder, const char* path, int flags, mode_t mode) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
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

Result<FileDescriptor> copy_of(int folder) {
    FileDescriptor copy(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!copy)
        return fail_errno(errno, "can't open a folder");
    return copy;
}

/// From then on there is openat2, and syncfs tells of what could not be written.
Status check_kernel() {
    utsname name{};
    unsigned major = 0, minor = 0;
    if (::uname(&name) == 0 && std::sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
        std::pair(major, minor) < std::pair(5U, 8U))
        return fail(ENOSYS, "this kernel is Linux {}: 5.8 or newer is needed", name.release);
    return {};
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

Status ChangedFolders::flush() const {
    for (const auto* folder : {&one_, &other_})
        if (*folder && ::fsync(folder->get()) != 0)
            return fail_errno(errno, "can't bring the names in a folder to disk");
    return {};
}

Result<ServedDirectory> ServedDirectory::open(const std::string& path) {
    TRY(check_kernel());
    FileDescriptor root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root)
        return fail_errno(errno, "can't serve {}", path);
    if (::mkdirat(root.get(), kOwnFolder, 0700) != 0 && errno != EEXIST)
        return fail_errno(errno, "can't make {}/{}", path, kOwnFolder);
    FileDescriptor own(open_beneath(root.get(), kOwnFolder, O_RDONLY | O_DIRECTORY, 0));
    if (!own)
        return cannot_open(kOwnFolder, errno);
    if (::flock(own.get(), LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? fail(EBUSY, "{} is served by another pmemckpt-filed: end it, or serve another directory",
                          path)
                   : fail_errno(errno, "can't lock {}/{}", path, kOwnFolder);
    if (::fsync(root.get()) != 0)
        return fail_errno(errno, "can't bring {} to disk", path);
    ServedDirectory directory(std::move(root), std::move(own), path);
    TRY(directory.check_names_keep_case());
    return directory;
}

/// Files are known by their paths: two spellings of one would be two files.
Status ServedDirectory::check_names_keep_case() const {
    std::string other = kOwnFolder;
    for (auto& letter : other)
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    struct stat own, found;
    if (::fstat(own_.get(), &own) != 0)
        return fail_errno(errno, "can't look at {}/{}", path_, kOwnFolder);
    if (::fstatat(root_.get(), other.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && found.st_ino == own.st_ino)
        return fail(ENOTSUP, "names in {} ignore case: such a directory can't be served", path_);
    return {};
}

Result<FileDescriptor> ServedDirectory::resolve(const std::string& path, int flags, mode_t mode) const {
    FileDescriptor file(open_beneath(root_.get(), path.c_str(), flags, mode));
    if (!file)
        return cannot_open(path, errno);
    return file;
}

Result<FileDescriptor> ServedDirectory::open_file(const std::string& path, int flags) const {
    TRY(check_path(path));
    const auto found = TRY(resolve(path, O_PATH, 0));
    struct stat status;
    if (::fstat(found.get(), &status) != 0)
        return fail_errno(errno, "can't look at {}", path);
    if (S_ISLNK(status.st_mode))
        return cannot_open(path, ELOOP);
    if (!S_ISREG(status.st_mode))
        return fail(EINVAL, "{} is no plain file", path);
    FileDescriptor file(::open(fmt::format("/proc/self/fd/{}", found.get()).c_str(), flags | O_CLOEXEC));
    if (!file)
        return fail_errno(errno == ENOENT ? EIO : errno, "can't open {}, which is there", path);
    return file;
}

Result<FileDescriptor> ServedDirectory::make_file(const std::string& path, int flags, mode_t mode) const {
    TRY(check_path(path));
    auto file = TRY(resolve(path, flags | O_CREAT | O_EXCL, mode));
    struct stat status;
    if (::fstat(file.get(), &status) != 0)
        return fail_errno(errno, "can't look at {}", path);
    if (const auto wanted = (status.st_mode & 0777) | 0600;
        wanted != (status.st_mode & 0777) && ::fchmod(file.get(), wanted) != 0)
        return fail_errno(errno, "can't give {} mode {:o}", path, wanted);
    return file;
}

Result<ServedDirectory::Place> ServedDirectory::place_of(const std::string& path) const {
    TRY(check_path(path));
    const auto slash = path.rfind('/');
    const auto folder = slash == std::string::npos ? "." : path.substr(0, slash);
    const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    return Place{TRY(resolve(folder, O_RDONLY | O_DIRECTORY, 0)), name};
}

Result<ChangedFolders> ServedDirectory::rename(const std::string& from, const std::string& to,
                                               Target target) const {
    auto old = TRY(place_of(from));
    auto made = TRY(place_of(to));
    const auto flags = target == Target::replaced ? 0U : static_cast<unsigned>(RENAME_NOREPLACE);
    if (::renameat2(old.folder.get(), old.name.c_str(), made.folder.get(), made.name.c_str(), flags) != 0)
        return fail_errno(errno, "can't rename {} to {}", from, to);
    return ChangedFolders(std::move(made.folder), std::move(old.folder));
}

Result<ChangedFolders> ServedDirectory::move_out(const std::string& path, int folder,
                                                 const std::string& name) const {
    auto place = TRY(place_of(path));
    auto other = TRY(copy_of(folder));
    if (::renameat2(place.folder.get(), place.name.c_str(), folder, name.c_str(), RENAME_NOREPLACE) != 0)
        return fail_errno(errno, "can't put {} away", path);
    return ChangedFolders(std::move(other), std::move(place.folder));
}

Result<ChangedFolders> ServedDirectory::move_in(int folder, const std::string& name,
                                                const std::string& path) const {
    auto place = TRY(place_of(path));
    auto other = TRY(copy_of(folder));
    if (::renameat2(folder, name.c_str(), place.folder.get(), place.name.c_str(), RENAME_NOREPLACE) != 0)
        return fail_errno(errno, "can't put {} back", path);
    return ChangedFolders(std::move(place.folder), std::move(other));
}

Result<ChangedFolders> ServedDirectory::link_out(const std::string& path, int folder,
                                                 const std::string& name) const {
    auto place = TRY(place_of(path));
    auto other = TRY(copy_of(folder));
    if (::linkat(place.folder.get(), place.name.c_str(), folder, name.c_str(), 0) != 0)
        return fail_errno(errno, "can't keep {}", path);
    return ChangedFolders(std::move(other), std::move(place.folder));
}

Result<bool> ServedDirectory::is_linked(const std::string& path, int folder, const std::string& name) const {
    const auto place = TRY(place_of(path));
    struct stat one, other;
    if (::fstatat(place.folder.get(), place.name.c_str(), &one, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::fstatat(folder, name.c_str(), &other, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(errno, "can't look at {}", path);
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

Result<ChangedFolders> ServedDirectory::remove(const std::string& path) const {
    auto place = TRY(place_of(path));
    if (::unlinkat(place.folder.get(), place.name.c_str(), 0) != 0)
        return fail_errno(errno, "can't remove {}", path);
    return ChangedFolders(std::move(place.folder));
}

Result<ServedDirectory::Found> ServedDirectory::look_at(const std::string& path) const {
    const auto place = place_of(path);
    if (!place && place.error().code == ENOENT)
        return Found{};
    if (!place)
        return tl::unexpected(place.error());
    struct stat status;
    if (::fstatat(place->folder.get(), place->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? Result<Found>(Found{}) : fail_errno(errno, "can't look at {}", path);
    const auto kind = S_ISREG(status.st_mode)   ? Kind::file
                      : S_ISDIR(status.st_mode) ? Kind::folder
                                                : Kind::other;
    return Found{kind, {status.st_dev, status.st_ino}};
}

Result<ChangedFolders> ServedDirectory::folder_of(const std::string& path) const {
    auto place = TRY(place_of(path));
    return ChangedFolders(std::move(place.folder));
}

Status ServedDirectory::flush_all() const {
    return ::syncfs(root_.get()) == 0 ? Status()
                                      : fail_errno(errno, "can't bring the files in {} to disk", path_);
}

}  // namespace pmemckpt::filed
