#include "lib/media/readable.hh"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/crc32c.hh"
#include "lib/base/memory_fault.hh"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22  // Linux 5.14
#endif

namespace pmemckpt::media {

namespace {

/// What the processor loads at once; a bad block is no smaller.
constexpr std::size_t kLineBytes = 64;

tl::unexpected<Error> unreadable(std::span<const std::byte> bytes, std::uint64_t at) {
    return fail(EBADMSG, "its {} bytes at {} of the pool can't be read from the disk", bytes.size(), at);
}

tl::unexpected<Error> unreadable(std::span<const std::byte> bytes, std::uint64_t at, const void* address) {
    const auto in =
        reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(bytes.data());
    if (in >= bytes.size())  // the kernel may name the start of the page
        return unreadable(bytes, at);
    return fail(EBADMSG, "byte {} of the pool, in its {} bytes at {}, can't be read from the disk", at + in,
                bytes.size(), at);
}

/// One call for all of it, which the kernel reads ahead for.
bool populate(std::span<const std::byte> bytes) {
    static const auto page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    const auto before = address % page_bytes;
    return ::madvise(reinterpret_cast<void*>(address - before), bytes.size() + before, MADV_POPULATE_READ) ==
               0 ||
           (errno != EFAULT && errno != EHWPOISON && errno != EIO);
}

void load_lines(std::span<const std::byte> bytes) {
    const volatile std::byte* byte = bytes.data();
    for (std::size_t in = 0; in < bytes.size(); in += kLineBytes)
        static_cast<void>(byte[in]);
    static_cast<void>(byte[bytes.size() - 1]);
}

}  // namespace

Status check_readable(std::span<const std::byte> bytes, std::uint64_t at) {
    if (bytes.empty())
        return {};
    if (!populate(bytes))
        return unreadable(bytes, at);
    // The kernel has mapped them; whether they can be had only a load tells.
    if (const auto fault = try_touch([&] { load_lines(bytes); }))
        return unreadable(bytes, at, *fault);
    return {};
}

Result<std::uint32_t> checksum(std::span<const std::byte> bytes, std::uint64_t at, std::uint32_t before) {
    std::uint32_t sum = 0;
    if (const auto fault = try_touch([&] { sum = crc32c(bytes, before); }))
        return unreadable(bytes, at, *fault);
    return sum;
}

}  // namespace pmemckpt::media
