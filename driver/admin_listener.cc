#include "driver/admin_listener.hh"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pmemckpt::driver {

namespace {

constexpr int kBacklog = 16;

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail(ENAMETOOLONG, "the admin socket's path {} has {} bytes; 1 to {} are possible", path,
                    path.size(), sizeof address.sun_path - 1);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

Result<FileDescriptor> make_socket() {
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // The mode before bind is the file's: there is no moment with another one.
    if (!socket || ::fchmod(socket.get(), 0600) != 0)
        return fail_errno(errno, "can't make a Unix socket");
    return socket;
}

bool bind_to(const FileDescriptor& socket, const sockaddr_un& address) {
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Unlinks what a dead manager left there.
Status clear_place(const std::string& path, const sockaddr_un& address) {
    struct stat attributes {};
    if (::lstat(path.c_str(), &attributes) != 0)
        return errno == ENOENT ? Status{} : Status{fail_errno(errno, "can't look at {}", path)};
    if (!S_ISSOCK(attributes.st_mode))
        return fail(EEXIST, "{} is there and is no socket: name another admin socket, or remove it", path);
    const auto probe = TRY(make_socket());
    const bool live =
        ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (live || errno != ECONNREFUSED)
        return fail(EADDRINUSE, "admin socket {} has a manager already", path);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return fail_errno(errno, "can't replace the dead admin socket {}", path);
    return {};
}

}  // namespace

Result<FileDescriptor> listen_at(const std::string& path, const AdminPeers& peers) {
    const auto address = TRY(address_of(path));
    auto socket = TRY(make_socket());
    if (!bind_to(socket, address)) {
        if (errno != EADDRINUSE)
            return fail_errno(errno, "can't make admin socket {}", path);
        TRY(clear_place(path, address));
        if (!bind_to(socket, address))
            return fail_errno(errno, "can't make admin socket {}", path);
    }
    if (peers.owner || peers.group)
        TRY(give_to(peers, path, 0600, 0660));
    // Taken over by each connection, before the peer can have said anything.
    const int credentials = 1;
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &credentials, sizeof credentials) != 0 ||
        ::listen(socket.get(), kBacklog) != 0)
        return fail_errno(errno, "can't listen on admin socket {}", path);
    return socket;
}

}  // namespace pmemckpt::driver
