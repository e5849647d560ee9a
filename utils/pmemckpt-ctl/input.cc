#include "utils/pmemckpt-ctl/input.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "lib/base/units.hh"
#include "utils/pmemckpt-ctl/progress.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::size_t kSpoolChunk = kMiB;

std::string temporary_directory() {
    const char* directory = std::getenv("TMPDIR");
    return directory && *directory ? directory : "/tmp";
}

/// A file without a name: whatever ends this program, nothing stays behind.
Result<FileDescriptor> unnamed_file(const std::string& directory) {
    FileDescriptor file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file)
        return file;
    auto path = directory + "/pmemckpt-save.XXXXXX";
    file.reset(::mkostemp(path.data(), O_CLOEXEC));
    if (!file)
        return fail_errno(errno, "can't make a temporary file in {} (TMPDIR chooses another place)",
                          directory);
    ::unlink(path.c_str());
    return file;
}

Status write_all(int file, std::span<const std::byte> bytes, const std::string& directory,
                 std::uint64_t before) {
    while (!bytes.empty()) {
        const auto written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail_errno(
                errno,
                "can't keep the input in {} until its size is known, after {} bytes (TMPDIR chooses "
                "another place; --size needs none)",
                directory, before);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace

Result<Input> Input::open(const std::string& path) {
    Input input;
    const bool standard = path.empty() || path == "-";
    input.name_ = standard ? "standard input" : path;
    input.file_.reset(standard ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                               : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!input.file_)
        return fail_errno(errno, "can't read {}", input.name_);
    TRY(input.look_at_file());
    return input;
}

Status Input::look_at_file() {
    struct stat attributes {};
    if (::fstat(file_.get(), &attributes) != 0)
        return fail_errno(errno, "can't look at {}", name_);
    if (S_ISDIR(attributes.st_mode))
        return fail(EISDIR, "{} is a folder, and a file is needed", name_);
    // Files of /proc and /sys say that they are empty: only reading them tells.
    if (!S_ISREG(attributes.st_mode) || attributes.st_size == 0)
        return {};
    const auto here = ::lseek(file_.get(), 0, SEEK_CUR);
    if (here < 0)
        return fail_errno(errno, "can't find the position in {}", name_);
    start_ = position_ = static_cast<std::uint64_t>(here);
    end_ = attributes.st_size;
    changed_ = attributes.st_mtim;
    size_ = here < end_ ? static_cast<std::uint64_t>(end_ - here) : 0;
    return {};
}

Result<std::size_t> Input::read_some(std::span<std::byte> into) {
    while (true) {
        const auto got = size_ ? ::pread(file_.get(), into.data(), into.size(), static_cast<off_t>(position_))
                               : ::read(file_.get(), into.data(), into.size());
        if (got >= 0)
            return static_cast<std::size_t>(got);
        if (errno != EINTR)
            return fail_errno(errno, "can't read {}", name_);
    }
}

Result<std::size_t> Input::read(std::span<std::byte> into) {
    std::size_t filled = 0;
    while (filled < into.size()) {
        const auto got = TRY(read_some(into.subspan(filled)));
        if (got == 0)
            break;
        filled += got;
        position_ += got;
    }
    return filled;
}

Status Input::check_unchanged() const {
    struct stat now {};
    if (!size_)
        return {};
    if (::fstat(file_.get(), &now) != 0)
        return fail_errno(errno, "can't look at {}", name_);
    if (now.st_size != end_)
        return fail(EAGAIN,
                    "{} went from {} to {} bytes while it was read: do it again when nobody writes to it",
                    name_, end_, now.st_size);
    if (now.st_mtim.tv_sec != changed_.tv_sec || now.st_mtim.tv_nsec != changed_.tv_nsec)
        return fail(EAGAIN, "{} was written to while it was read: do it again when nobody writes to it",
                    name_);
    return {};
}

Result<Input> Input::spool() {
    const auto directory = temporary_directory();
    Input whole;
    whole.name_ = name_;
    whole.file_ = TRY(unnamed_file(directory));
    std::vector<std::byte> chunk(kSpoolChunk);
    std::uint64_t length = 0;
    Progress progress("reading " + name_, 0);
    while (const auto got = TRY(read_some(chunk))) {
        TRY(write_all(whole.file_.get(), std::span(chunk).first(got), directory, length));
        length += got;
        progress.advance(got);
    }
    struct stat attributes {};
    if (::fstat(whole.file_.get(), &attributes) != 0)
        return fail_errno(errno, "can't look at the temporary file in {}", directory);
    whole.size_ = length;
    whole.end_ = attributes.st_size;
    whole.changed_ = attributes.st_mtim;
    return whole;
}

}  // namespace pmemckpt::ctl
