#include "utils/pmemckpt-ctl/admin_socket.hh"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "lib/base/handle.hh"
#include "lib/base/units.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::string_view kSystemSocket = "/run/pmemckpt/admin.sock";
constexpr std::string_view kUserSocket = "pmemckpt/admin.sock";  // in $XDG_RUNTIME_DIR
constexpr std::string_view kStatusRequest = "{\"command\":\"status\"}";
constexpr time_t kAnswerTimeoutSeconds = 10;
constexpr std::size_t kMaximumAnswerBytes = 64 * kMiB;

Result<FileDescriptor> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(ENAMETOOLONG, "the admin socket's path {} is longer than {} bytes", path,
                    sizeof address.sun_path - 1);
    std::memcpy(address.sun_path, path.data(), path.size());
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{kAnswerTimeoutSeconds, 0};
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
        return fail_errno(errno, "can't make a socket");
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        auto why = system_error(errno, fmt::format("can't ask the manager at admin socket {}", path));
        if (why.code == ENOENT)
            why.code = ECONNREFUSED;
        return tl::unexpected<Error>(std::move(why));
    }
    return socket;
}

Result<std::string> read_line(const FileDescriptor& socket, const std::string& path) {
    std::string line;
    std::array<char, 64 * kKiB> chunk;
    while (line.size() < kMaximumAnswerBytes) {
        const auto got = ::recv(socket.get(), chunk.data(), chunk.size(), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(errno == EAGAIN ? ETIMEDOUT : errno, "no answer came from admin socket {}",
                              path);
        if (got == 0)
            return fail(ECONNRESET, "admin socket {} closed after {} bytes of its answer", path, line.size());
        const std::string_view part(chunk.data(), static_cast<std::size_t>(got));
        const auto end = part.find('\n');
        line += part.substr(0, end);
        if (end != std::string_view::npos)
            return line;
    }
    return fail(EPROTO, "the answer of admin socket {} is longer than {} bytes", path, kMaximumAnswerBytes);
}

bool server_is_chosen(const client::Options& options) {
    const char* server = std::getenv("PMEMCKPT_SERVER");
    return !options.server.empty() || (server && *server);
}

}  // namespace

std::string default_admin_socket() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (::geteuid() != 0 && runtime && *runtime) {
        auto path = fmt::format("{}/{}", runtime, kUserSocket);
        if (::access(path.c_str(), F_OK) == 0)
            return path;
    }
    return std::string(kSystemSocket);
}

Result<std::string> ask_manager(const std::string& socket_path, std::string_view request) {
    const auto socket = TRY(connect_to(socket_path));
    const auto line = std::string(request) + "\n";
    const auto sent = ::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL);
    // Who is refused may be told so, and be left, before he has asked.
    const bool left = sent < 0 && errno == EPIPE;
    if (!left && sent != static_cast<ssize_t>(line.size()))
        return fail_errno(sent < 0 ? errno : EIO, "can't ask the manager at admin socket {}", socket_path);
    return read_line(socket, socket_path);
}

Result<std::string> ask_status(const std::string& socket_path) {
    return ask_manager(socket_path, kStatusRequest);
}

Result<std::optional<std::string>> status_of_host(const Common& common) {
    if (!common.admin_socket.empty())
        return TRY(ask_status(common.admin_socket));
    // A manager elsewhere must not be taken for this host's.
    if (server_is_chosen(common.connection))
        return std::nullopt;
    auto answer = ask_status(default_admin_socket());
    if (!answer)
        return std::nullopt;
    return std::move(*answer);
}

}  // namespace pmemckpt::ctl
