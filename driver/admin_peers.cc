#include "driver/admin_peers.hh"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "lib/confine/identity.hh"

namespace pmemckpt::driver {

namespace {

constexpr auto kSame = static_cast<uid_t>(-1);  // chown(2): as it is

Result<ucred> credentials_of(const FileDescriptor& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail_errno(errno, "admin socket: the peer's uid can't be told");
    return peer;
}

/// Beside its own; what it had when it connected.
std::vector<gid_t> groups_of(const FileDescriptor& socket) {
    std::vector<gid_t> groups(32);
    for (;;) {
        auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        const bool good = ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0;
        const bool longer = !good && errno == ERANGE && size > groups.size() * sizeof(gid_t);
        groups.resize(good || longer ? size / sizeof(gid_t) : 0);
        if (!longer)
            return groups;
    }
}

bool is_heard(uid_t uid) {
    return uid == 0 || uid == ::geteuid();
}

std::string who_is_heard(const AdminPeers& peers) {
    const auto group = peers.group ? fmt::format(", and members of group {}", *peers.group) : std::string();
    return fmt::format("uid 0 and {}{} are heard", ::geteuid(), group);
}

}  // namespace

Result<AdminPeers> find_admin_peers(const Config& config) {
    AdminPeers peers;
    if (!config.user.empty())
        peers.owner = TRY(confine::find_user(config.user)).uid;
    if (!config.admin_group.empty())
        peers.group = TRY(confine::find_group(config.admin_group));
    return peers;
}

Status give_to(const AdminPeers& peers, const std::string& path, mode_t own, mode_t shared) {
    if (::lchown(path.c_str(), peers.owner.value_or(kSame), peers.group.value_or(kSame)) != 0)
        return fail_errno(
            errno, "can't give {} to {}: who is not root gives it to a group that he is a member of", path,
            peers.group ? fmt::format("group {}", *peers.group)
                        : fmt::format("uid {}", peers.owner.value_or(::geteuid())));
    if (::chmod(path.c_str(), peers.group ? shared : own) != 0)
        return fail_errno(errno, "can't set the mode of {}", path);
    return {};
}

Status check_peer(const FileDescriptor& socket, const AdminPeers& peers) {
    const auto peer = TRY(credentials_of(socket));
    const auto groups = peers.group ? groups_of(socket) : std::vector<gid_t>();
    const bool member =
        peers.group && (peer.gid == *peers.group || std::ranges::find(groups, *peers.group) != groups.end());
    if (is_heard(peer.uid) || member)
        return {};
    return fail(EACCES, "admin socket: uid {} (pid {}) is refused; {}", peer.uid, peer.pid,
                who_is_heard(peers));
}

Status check_sender(const FileDescriptor& socket, const ucred& sender) {
    const auto peer = TRY(credentials_of(socket));
    if (sender.pid == peer.pid || sender.uid == peer.uid || is_heard(sender.uid))
        return {};
    return fail(
        EACCES,
        "admin socket: uid {} (pid {}) is refused; the connection that it uses is that of uid {} (pid {})",
        sender.uid, sender.pid, peer.uid, peer.pid);
}

}  // namespace pmemckpt::driver
