#include "fuse/unmounter.hh"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "lib/confine/capabilities.hh"
#include "lib/confine/filter.hh"
#include "lib/confine/hardening.hh"

namespace pmemckpt::view {

namespace {

constexpr int kSocket = STDIN_FILENO;  // of the process that unmounts; it has no other file
constexpr char kReady = 'r', kUnmount = 'u';
constexpr std::string_view kName = "pmemckpt-unmount";

/// It is found by its name, and not taken for the mount's own process, whose command line it has inherited.
void take_name() {
    const FileDescriptor file(::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
    std::array<char, 65536> line;
    const auto size = ::read(file.get(), line.data(), line.size());
    if (size <= static_cast<ssize_t>(kName.size()))
        return;
    char* const own = program_invocation_name;
    std::memset(own, 0, static_cast<std::size_t>(size));
    std::memcpy(own, kName.data(), kName.size());
}

/// No file of the caller's stays open, or its pipes would not end.
bool keep_only(const FileDescriptor& socket) {
    const FileDescriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    return nothing && ::dup2(socket.get(), kSocket) == kSocket &&
           ::dup2(nothing.get(), STDOUT_FILENO) == STDOUT_FILENO &&
           ::dup2(nothing.get(), STDERR_FILENO) == STDERR_FILENO && ::close_range(3, ~0U, 0) == 0;
}

constexpr confine::CapabilitySet bit(int capability) {
    return confine::CapabilitySet{1} << capability;
}

/// Of root: to the mount point, whoever's directory it is in, and there this one call.
Status confine_to_unmounting() {
    TRY(confine::harden());
    TRY(confine::keep_capabilities(bit(CAP_SYS_ADMIN) | bit(CAP_DAC_READ_SEARCH)));
    std::vector<confine::CallRule> calls;
    for (const char* call : {"read", "write", "umount2", "geteuid", "exit_group"})
        calls.push_back({call, {}});
    return TRY(confine::Filter::make(calls, confine::Mode::on)).enter();
}

int unmount_by_fusermount(const char* point) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--", point, nullptr);
        ::_exit(1);
    }
    int status = 0;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0 ? 0 : EIO;
}

int unmount_at(const char* point) {
    if (::geteuid() != 0)
        return unmount_by_fusermount(point);
    return ::umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
}

[[noreturn]] void wait_and_unmount(const FileDescriptor& socket, const char* point) {
    ::setsid();  // what the terminal sends is for the other one, who says then what is to be done
    take_name();
    if (!keep_only(socket) || (::geteuid() == 0 && !confine_to_unmounting()))
        ::_exit(1);
    char word = kReady;
    if (::write(kSocket, &word, 1) != 1)
        ::_exit(0);
    ssize_t got = 0;
    do
        got = ::read(kSocket, &word, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1)
        ::_exit(0);  // it is not wanted any more
    const int code = unmount_at(point);
    ::_exit(::write(kSocket, &code, sizeof code) == sizeof code ? 0 : 1);
}

}  // namespace

Result<std::unique_ptr<Unmounter>> Unmounter::start(const std::string& point) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_errno(errno, "can't make a socket");
    FileDescriptor own(ends[0]);
    FileDescriptor its(ends[1]);
    const pid_t process = ::fork();
    if (process < 0)
        return fail_errno(errno, "can't start the process that unmounts");
    if (process == 0) {
        own.reset();
        wait_and_unmount(its, point.c_str());
    }
    std::unique_ptr<Unmounter> unmounter(new Unmounter(point, std::move(own), process));
    its.reset();
    char word = 0;
    if (::recv(unmounter->socket_.get(), &word, 1, 0) != 1 || word != kReady)
        return fail(ECHILD, "the process that unmounts did not start; -o confine=off does without it");
    return unmounter;
}

Unmounter::~Unmounter() {
    socket_.reset();
    ::waitpid(process_, nullptr, 0);
}

Status Unmounter::unmount() {
    int code = EPIPE;
    if (::send(socket_.get(), &kUnmount, 1, MSG_NOSIGNAL) != 1 ||
        ::recv(socket_.get(), &code, sizeof code, MSG_WAITALL) != sizeof code)
        code = EPIPE;
    if (code != 0)
        return fail_errno(code, "can't unmount {}", point_);
    return {};
}

}  // namespace pmemckpt::view
