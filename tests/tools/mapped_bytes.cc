// What a device without read and write holds, as devdax. Usage: mapped_bytes read|write DEVICE BYTES: its
// first bytes to the standard output, or from the standard input, flushed from the caches when it ends.
#include <fcntl.h>
#include <fmt/core.h>
#include <immintrin.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <span>
#include <string_view>

#include "lib/base/result.hh"

namespace {

using namespace pmemckpt;

constexpr std::size_t kAlignment = 2 * 1024 * 1024;
constexpr std::size_t kCacheLineBytes = 64;

Result<std::span<char>> map(const char* path, std::size_t bytes, int protection) {
    const int device = ::open(path, O_RDWR | O_CLOEXEC);
    if (device < 0)
        return fail_errno(errno, "{}", path);
    const auto length = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    void* const place = ::mmap(nullptr, length, protection, MAP_SHARED, device, 0);
    ::close(device);
    if (place == MAP_FAILED)
        return fail_errno(errno, "mmap of {} bytes of {}", length, path);
    return std::span(static_cast<char*>(place), bytes);
}

Status read_to_output(std::span<const char> bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0)
        return fail_errno(errno, "{} bytes to the standard output", bytes.size());
    return {};
}

Status write_from_input(std::span<char> bytes) {
    const auto got = std::fread(bytes.data(), 1, bytes.size(), stdin);
    if (got != bytes.size())
        return fail(EIO, "the standard input had {} bytes of {}", got, bytes.size());
    for (std::size_t i = 0; i < bytes.size(); i += kCacheLineBytes)
        _mm_clflush(bytes.data() + i);
    _mm_sfence();
    return {};
}

Status run(int argc, char** argv) {
    const std::string_view deed = argc == 4 ? argv[1] : "";
    if (deed != "read" && deed != "write")
        return fail(EINVAL, "usage: mapped_bytes read|write DEVICE BYTES");
    const std::string_view text = argv[3];
    std::size_t bytes = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    if (status != std::errc() || end != text.data() + text.size() || bytes == 0)
        return fail(EINVAL, "\"{}\" is no number of bytes", text);
    if (deed == "read")
        return read_to_output(TRY(map(argv[2], bytes, PROT_READ)));
    return write_from_input(TRY(map(argv[2], bytes, PROT_READ | PROT_WRITE)));
}

}  // namespace

int main(int argc, char** argv) {
    const auto done = run(argc, argv);
    if (!done)
        fmt::print(stderr, "mapped_bytes: {}\n", done.error().message);
    return done ? 0 : 1;
}
