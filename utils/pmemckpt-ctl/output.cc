#include "utils/pmemckpt-ctl/output.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr unsigned kPermissions = 07777;

/// A symbolic link stays one: what it points to is replaced.
std::string resolved(const std::string& path) {
    std::error_code ignored;
    auto real = std::filesystem::weakly_canonical(path, ignored);
    return ignored ? path : real.string();
}

}  // namespace

unsigned without_umask(unsigned mode) {
    const auto mask = ::umask(0);
    ::umask(mask);
    return mode & ~mask;
}

bool is_file_name(const std::string& path) {
    struct stat there {};
    return !path.empty() && (::stat(path.c_str(), &there) != 0 || S_ISREG(there.st_mode));
}

Status make_folder(const std::string& path) {
    constexpr unsigned kFolderMode = 0777;
    if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST)
        return fail_errno(errno, "can't make folder {}", path);
    struct stat there {};
    if (::stat(path.c_str(), &there) != 0)
        return fail_errno(errno, "can't look at {}", path);
    if (!S_ISDIR(there.st_mode))
        return fail(ENOTDIR, "{} is there, and is no folder", path);
    return {};
}

Result<Output> Output::open(const std::string& path, std::uint64_t length, unsigned mode) {
    Output output;
    if (path.empty()) {
        output.name_ = "standard output";
        output.file_.reset(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
        if (!output.file_)
            return fail_errno(errno, "can't write to standard output");
        return output;
    }
    output.name_ = path;
    struct stat there {};
    const bool exists = ::stat(path.c_str(), &there) == 0;
    if (exists && !S_ISREG(there.st_mode)) {
        output.file_.reset(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (!output.file_)
            return fail_errno(errno, "can't write to {}", path);
        return output;
    }
    output.path_ = resolved(path);
    TRY(output.make_file(exists ? there.st_mode & kPermissions : without_umask(mode)));
    // Some file systems can't; then a lack of space shows as it is written.
    if (length > 0 && ::fallocate(output.file_.get(), 0, 0, static_cast<off_t>(length)) != 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
        return fail_errno(errno, "there is no room for {} bytes at {}", length, path);
    return output;
}

Output::~Output() {
    if (!draft_.empty())
        ::unlink(draft_.c_str());
}

Status Output::make_file(unsigned mode) {
    const std::filesystem::path target(path_);
    directory_ = target.has_parent_path() ? target.parent_path().string() : ".";
    file_.reset(::open(directory_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    if (!file_ && (errno == EOPNOTSUPP || errno == EISDIR)) {
        draft_ = fmt::format("{}/.{}.{}.part", directory_, target.filename().string(), ::getpid());
        ::unlink(draft_.c_str());
        file_.reset(::open(draft_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!file_)
            draft_.clear();
    }
    if (!file_ && errno == ENOENT)
        return fail(ENOENT, "can't make {}: there is no folder {}", name_, directory_);
    if (!file_)
        return fail_errno(errno, "can't make {}", name_);
    if (::fchmod(file_.get(), mode) != 0)
        return fail_errno(errno, "can't set the mode of {}", name_);
    return {};
}

Status Output::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto wrote = ::write(file_.get(), bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0) {
            auto error = write_error(errno, name_);
            return fail(error.code, "{} (after {} bytes)", error.message, written_);
        }
        written_ += static_cast<std::uint64_t>(wrote);
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return {};
}

Status Output::give_draft_a_name() {
    if (!draft_.empty())
        return {};
    auto path = fmt::format("{}/.{}.{}.part", directory_, std::filesystem::path(path_).filename().string(),
                            ::getpid());
    ::unlink(path.c_str());
    const auto handle = fmt::format("/proc/self/fd/{}", file_.get());
    if (::linkat(AT_FDCWD, handle.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
        return fail_errno(errno, "can't give {} its name", name_);
    draft_ = std::move(path);
    return {};
}

Status Output::commit() {
    if (!is_file())
        return {};
    if (::fsync(file_.get()) != 0)
        return fail_errno(errno, "can't bring {} to disk", name_);
    TRY(give_draft_a_name());
    if (::rename(draft_.c_str(), path_.c_str()) != 0)
        return fail_errno(errno, "can't give {} its name", name_);
    draft_.clear();
    const FileDescriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0)
        return fail_errno(errno, "{} is complete, but its name may not be on disk", name_);
    return {};
}

}  // namespace pmemckpt::ctl
