// answer_unix PATH TEXT: a Unix socket whose clients send a line, and get this one, till it is killed.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "lib/base/handle.hh"

namespace {

void answer(const pmemckpt::FileDescriptor& client, const std::string& line) {
    char byte = 0;
    while (::read(client.get(), &byte, 1) == 1 && byte != '\n') {
    }
    if (::write(client.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        std::perror("answer_unix");
}

}  // namespace

int main(int argc, char** argv) {
    sockaddr_un address{};
    if (argc != 3 || std::strlen(argv[1]) >= sizeof address.sun_path) {
        std::fputs("usage: answer_unix PATH TEXT\n", stderr);
        return 2;
    }
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, argv[1]);
    const pmemckpt::FileDescriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener.get(), 8) != 0) {
        std::perror(argv[1]);
        return 1;
    }
    for (;;)
        answer(pmemckpt::FileDescriptor(::accept(listener.get(), nullptr, nullptr)),
               std::string(argv[2]) + "\n");
}
