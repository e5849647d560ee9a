// One network for the guests of a test. Each guest N has QEMU's `-netdev dgram` on the Unix socket
// DIRECTORY/N and sends its frames to DIRECTORY/switch, where this listens. Datagrams know no connection: a
// guest may be killed and come back. Usage: ethernet_switch DIRECTORY; runs till it is killed.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.hh"

namespace {

using namespace pmemckpt;

constexpr int kGuests = 9;
constexpr std::size_t kAddressBytes = 6;
constexpr std::size_t kHeaderBytes = 14;
constexpr std::size_t kFrameBytes = 64 * 1024;
/// As long as a guest may keep the others waiting. Then its frames are dropped until it takes one again.
constexpr timeval kPatience = {.tv_sec = 0, .tv_usec = 200'000};

using EthernetAddress = std::array<std::byte, kAddressBytes>;

EthernetAddress address_at(std::span<const std::byte> frame, std::size_t offset) {
    EthernetAddress address;
    std::memcpy(address.data(), frame.data() + offset, kAddressBytes);
    return address;
}

bool is_for_many(const EthernetAddress& address) {
    return (address[0] & std::byte{1}) != std::byte{0};
}

sockaddr_un named(const std::string& path) {
    sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    return name;
}

class Port {
public:
    explicit Port(const std::string& path) : name_(named(path)) {}

    bool is(const sockaddr_un& other) const { return !std::strcmp(name_.sun_path, other.sun_path); }

    /// A guest that is not there gets nothing, and nobody is told, as on a real wire.
    void send(int socket, std::span<const std::byte> frame) {
        const auto sent = ::sendto(socket, frame.data(), frame.size(), is_stuck_ ? MSG_DONTWAIT : 0,
                                   reinterpret_cast<const sockaddr*>(&name_), sizeof name_);
        is_stuck_ = sent < 0 && errno == EAGAIN;
    }

private:
    sockaddr_un name_;
    bool is_stuck_ = false;
};

class Switch {
public:
    Switch(int socket, const std::string& directory) : socket_(socket) {
        for (int guest = 1; guest <= kGuests; ++guest)
            ports_.emplace_back(fmt::format("{}/{}", directory, guest));
    }

    void pass_on(std::span<const std::byte> frame, const sockaddr_un& from) {
        Port* const source = find(from);
        if (!source || frame.size() < kHeaderBytes)
            return;
        places_[address_at(frame, kAddressBytes)] = source;
        const auto target = address_at(frame, 0);
        const auto place = is_for_many(target) ? places_.end() : places_.find(target);
        if (place != places_.end())
            return place->second->send(socket_, frame);
        for (auto& port : ports_)
            if (&port != source)
                port.send(socket_, frame);
    }

private:
    Port* find(const sockaddr_un& name) {
        for (auto& port : ports_)
            if (port.is(name))
                return &port;
        return nullptr;
    }

    int socket_;
    std::vector<Port> ports_;
    std::map<EthernetAddress, Port*> places_;
};

Result<int> listen_in(const std::string& directory) {
    const auto path = directory + "/switch";
    const auto name = named(path);
    if (path.size() >= sizeof name.sun_path)
        return fail(ENAMETOOLONG, "{} has {} characters; a socket's path may have {}", path, path.size(),
                    sizeof name.sun_path - 1);
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0)
        return fail_errno(errno, "socket");
    ::unlink(path.c_str());
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
        return fail_errno(errno, "bind to {}", path);
    if (::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience) != 0)
        return fail_errno(errno, "setsockopt(SO_SNDTIMEO)");
    return socket;
}

Status run(int argc, char** argv) {
    if (argc != 2)
        return fail(EINVAL, "usage: ethernet_switch DIRECTORY");
    const int socket = TRY(listen_in(argv[1]));
    Switch network(socket, argv[1]);
    std::vector<std::byte> frame(kFrameBytes);
    for (;;) {
        sockaddr_un from = {};
        socklen_t length = sizeof from;
        const auto got =
            ::recvfrom(socket, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
        if (got < 0 && errno != EINTR)
            return fail_errno(errno, "recvfrom");
        if (got > 0)
            network.pass_on(std::span(frame).first(static_cast<std::size_t>(got)), from);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const auto done = run(argc, argv);
    if (!done)
        fmt::print(stderr, "ethernet_switch: {}\n", done.error().message);
    return done ? 0 : 1;
}
