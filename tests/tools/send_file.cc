// send_file FILE: copies it to standard output by sendfile(2), which reads through the page cache.
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <cstdio>

#include "lib/base/handle.hh"

int main(int count, char** arguments) {
    constexpr std::size_t kPart = 1 << 20;
    if (count != 2)
        return 2;
    const pmemckpt::FileDescriptor file(::open(arguments[1], O_RDONLY | O_CLOEXEC));
    ssize_t sent = file ? 1 : -1;
    while (sent > 0)
        sent = ::sendfile(STDOUT_FILENO, file.get(), nullptr, kPart);
    if (sent < 0)
        std::perror(arguments[1]);
    return sent < 0 ? 1 : 0;
}
