#include "lib/confine/identity.hh"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

#include "lib/confine/privileges.hh"

namespace pmemckpt::confine {

namespace {

constexpr std::size_t kRoom = 64 * 1024;  // bytes of an entry, with a group's members
constexpr int kMaximumGroups = 65536;     // the kernel's limit

Result<std::vector<gid_t>> groups_of(const passwd& entry) {
    int count = 0;
    ::getgrouplist(entry.pw_name, entry.pw_gid, nullptr, &count);
    if (count > kMaximumGroups)
        return fail(EINVAL, "user {} is in {} groups; {} are possible", entry.pw_name, count, kMaximumGroups);
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0)
        return fail(EAGAIN, "the groups of user {} change while they are read; try it again", entry.pw_name);
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

bool is(const Identity& user) {
    uid_t real = 0, effective = 0, saved = 0;
    ::getresuid(&real, &effective, &saved);
    return real == user.uid && effective == user.uid && saved == user.uid;
}

constexpr CapabilitySet kNeeded = CapabilitySet{1} << CAP_SETUID | CapabilitySet{1} << CAP_SETGID;

tl::unexpected<Error> not_allowed(int code, const Identity& user) {
    return fail_errno(
        code,
        "can't become user {} (uid {}): that takes CAP_SETUID and CAP_SETGID; start as root, as "
        "that user, or with User= in systemd's unit",
        user.name, user.uid);
}

}  // namespace

Result<Identity> find_user(const std::string& name) {
    std::vector<char> room(kRoom);
    passwd entry{};
    passwd* found = nullptr;
    const int code = ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
    if (!found)
        return code != 0 ? fail_errno(code, "can't look for user {}", name)
                         : fail(ENOENT, "there is no user {}: make it with useradd --system {}", name, name);
    auto groups = TRY(groups_of(entry));
    return Identity{name, entry.pw_uid, entry.pw_gid, std::move(groups)};
}

Result<gid_t> find_group(const std::string& name) {
    std::vector<char> room(kRoom);
    group entry{};
    group* found = nullptr;
    const int code = ::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
    if (!found)
        return code != 0
                   ? fail_errno(code, "can't look for group {}", name)
                   : fail(ENOENT, "there is no group {}: make it with groupadd --system {}", name, name);
    return entry.gr_gid;
}

Identity this_user() {
    std::vector<char> room(kRoom);
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(::geteuid(), &entry, room.data(), room.size(), &found);
    return {found ? found->pw_name : std::to_string(::geteuid()), ::geteuid(), ::getegid(), {}};
}

Status check_can_become(const Identity& user) {
    if (is(user) || (TRY(privileges_of(::gettid())).effective & kNeeded) == kNeeded)
        return {};
    return not_allowed(EPERM, user);
}

Status become(const Identity& user) {
    if (is(user))
        return {};
    // The C library does it for all threads.
    if (::setgroups(user.groups.size(), user.groups.data()) != 0 ||
        ::setresgid(user.gid, user.gid, user.gid) != 0 || ::setresuid(user.uid, user.uid, user.uid) != 0)
        return not_allowed(errno, user);
    require(is(user), "this process is that user");
    return {};
}

}  // namespace pmemckpt::confine
