#include "lib/sync/file_io.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lib/base/handle.hh"

namespace pmemckpt::sync {

static_assert(sizeof(off_t) == 8);

int as_files(int code) {
    return code == ENOSPC || code == EDQUOT ? ENOSPC : code == EACCES || code == EPERM ? EACCES : EIO;
}

Result<std::size_t> read_up_to(int file, std::uint64_t at, std::span<std::byte> into,
                               const std::string& path) {
    std::size_t count = 0;
    while (count < into.size()) {
        const auto got =
            ::pread(file, into.data() + count, into.size() - count, static_cast<off_t>(at + count));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(as_files(errno), "can't read {} at {}: {}", path, at + count, ::strerror(errno));
        if (got == 0)
            break;
        count += static_cast<std::size_t>(got);
    }
    return count;
}

Status read_at(int file, std::uint64_t at, std::span<std::byte> into, const std::string& path) {
    const auto count = TRY(read_up_to(file, at, into, path));
    if (count != into.size())
        return fail(EBADMSG, "{} ends at {}, and {} bytes more are needed", path, at + count,
                    into.size() - count);
    return {};
}

Status write_at(int file, std::uint64_t at, std::span<const std::byte> bytes, const std::string& path) {
    while (!bytes.empty()) {
        const auto put = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail(as_files(errno), "can't write {} bytes to {} at {}: {}", bytes.size(), path, at,
                        ::strerror(errno));
        at += static_cast<std::uint64_t>(put);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
}

Status bring_to_disk(int file, const std::string& path) {
    int brought;
    do
        brought = ::fsync(file);
    while (brought != 0 && errno == EINTR);
    if (brought != 0)
        return fail(as_files(errno), "can't bring {} to disk: {}", path, ::strerror(errno));
    return {};
}

Status bring_directory_to_disk(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path().string();
    const auto directory = folder.empty() ? "." : folder;
    const FileDescriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return fail(as_files(errno), "can't open {}: {}", directory, ::strerror(errno));
    return bring_to_disk(opened.get(), directory);
}

}  // namespace pmemckpt::sync
