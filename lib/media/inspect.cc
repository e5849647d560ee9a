#include "lib/media/inspect.hh"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22  // Linux 5.14
#endif

namespace pmemckpt::media {

// An older kernel says EINVAL: then a bad block ends the process when it is touched, as it would have.
Status check_readable(std::span<const std::byte> bytes, std::uint64_t at) {
    static const auto page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    const auto before = address % page_bytes;
    if (bytes.empty() ||
        ::madvise(reinterpret_cast<void*>(address - before), bytes.size() + before, MADV_POPULATE_READ) == 0)
        return {};
    if (errno != EFAULT && errno != EHWPOISON && errno != EIO)
        return {};
    return fail(EBADMSG, "its {} bytes at {} of the pool can't be read from the disk", bytes.size(), at);
}

}  // namespace pmemckpt::media
