// mmap_sum FILE [HOLD]: maps a file and prints the CRC-32C of what it sees. With HOLD, an existing FIFO, it
// closes the file, prints once, waits until HOLD is opened for writing, and prints again, of the same
// mapping.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "lib/base/crc32c.hh"
#include "lib/base/handle.hh"

namespace {

int complain(const char* what) {
    std::fprintf(stderr, "mmap_sum: %s: %s\n", what, std::strerror(errno));
    return 1;
}

void print_sum(std::span<const std::byte> bytes) {
    std::printf("%08x\n", pmemckpt::crc32c(bytes));
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 3) {
        std::fprintf(stderr, "usage: mmap_sum FILE [HOLD]\n");
        return 2;
    }
    pmemckpt::FileDescriptor file(::open(argv[1], O_RDONLY | O_CLOEXEC));
    struct stat attributes {};
    if (!file || ::fstat(file.get(), &attributes) != 0)
        return complain(argv[1]);
    const auto size = static_cast<std::size_t>(attributes.st_size);
    void* map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    if (map == MAP_FAILED)
        return complain("mmap");
    file.reset();
    const std::span bytes(static_cast<const std::byte*>(map), size);
    print_sum(bytes);
    if (argc == 3) {
        const pmemckpt::FileDescriptor hold(::open(argv[2], O_RDONLY | O_CLOEXEC));
        if (!hold || ::madvise(map, size, MADV_DONTNEED) != 0)
            return complain(argv[2]);
        print_sum(bytes);
    }
    return ::munmap(map, size) == 0 ? 0 : complain("munmap");
}
