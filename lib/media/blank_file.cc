// Zeros with space behind them, by the best way that the file system has.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/media/file_medium.hh"

namespace pmemckpt::media {

namespace {

constexpr std::size_t kZeroPieceBytes = 64 * kKiB;

/// 0 or an errno.
int allocate(int file, int mode, Extent extent) {
    int result = 0;
    do {
        result = ::fallocate(file, mode, static_cast<off_t>(extent.at.bytes),
                             static_cast<off_t>(extent.size.bytes));
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

/// By write(2) and not by a store into the mapping: a full disk is an error here, and a signal there.
int write_zeros(int file, Extent extent) {
    static constexpr std::array<std::byte, kZeroPieceBytes> kZeros{};
    const std::uint64_t end = extent.at.bytes + extent.size.bytes;
    for (std::uint64_t at = extent.at.bytes; at < end;) {
        const auto written = ::pwrite(file, kZeros.data(), std::min<std::uint64_t>(kZeros.size(), end - at),
                                      static_cast<off_t>(at));
        if (written < 0 && errno != EINTR)
            return errno;
        at += written > 0 ? static_cast<std::uint64_t>(written) : 0;
    }
    return 0;
}

int blank(int file, Extent extent) {
    int code = allocate(file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, extent);
    if (code == EOPNOTSUPP) {  // tmpfs
        code = allocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, extent);
        if (code == 0)
            code = allocate(file, FALLOC_FL_KEEP_SIZE, extent);
    }
    return code == EOPNOTSUPP ? write_zeros(file, extent) : code;
}

}  // namespace

Status blank_file(const FileDescriptor& file, Extent extent, const std::string& path) {
    const int code = blank(file.get(), extent);
    if (code != 0)  // what was allocated before the disk was full is not left behind; best effort
        allocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, extent);
    if (code == ENOSPC || code == EDQUOT)
        return fail(ENOSPC, "the disk of {} has no room for {} more; make room on it, or use a smaller pool",
                    path, format_size(extent.size.bytes));
    if (code != 0)
        return fail_errno(code, "{}: blanking {} bytes at {}", path, extent.size.bytes, extent.at.bytes);
    return {};
}

}  // namespace pmemckpt::media
