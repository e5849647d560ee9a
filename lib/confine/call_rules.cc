#include "lib/confine/call_rules.hh"

#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <initializer_list>

namespace pmemckpt::confine {

namespace {

constexpr std::uint64_t kInt = 0xffffffff;     // of an argument the kernel takes as int
constexpr std::uint64_t kIoctlType = 0xff00;   // see <asm-generic/ioctl.h>
constexpr std::uint64_t kSetVma = 0x53564d41;  // PR_SET_VMA: names of mappings, of younger C libraries
#ifdef __s390__
constexpr unsigned kCloneFlags = 1;
#else
constexpr unsigned kCloneFlags = 0;
#endif

using Rules = std::vector<CallRule>;

void add(Rules& rules, std::initializer_list<const char*> calls) {
    for (const char* call : calls)
        rules.push_back({call, {}});
}

/// Memory, time, threads, signals: what a C++ program does with no file at all.
void add_run_time(Rules& rules) {
    add(rules, {"brk",
                "munmap",
                "mremap",
                "madvise",
                "msync",
                "mincore",
                "membarrier",
                "futex",
                "futex_time64",
                "futex_waitv",
                "rseq",
                "gettid",
                "getpid",
                "getppid",
                "set_robust_list",
                "get_robust_list",
                "set_tid_address",
                "sched_yield",
                "sched_getaffinity",
                "getcpu",
                "exit",
                "exit_group",
                "restart_syscall",
                "rt_sigaction",
                "rt_sigprocmask",
                "rt_sigreturn",
                "sigreturn",
                "rt_sigpending",
                "rt_sigtimedwait",
                "sigaltstack",
                "clock_gettime",
                "clock_getres",
                "clock_nanosleep",
                "nanosleep",
                "gettimeofday",
                "time",
                "getrandom",
                "getrusage",
                "getrlimit",
                "sysinfo",
                "uname",
                "getuid",
                "geteuid",
                "getgid",
                "getegid",
                "getresuid",
                "getresgid",
                "getgroups",
                "capget"});
    rules.push_back({"prlimit64", {{2, ~0ULL, 0}}});  // looked at, never changed
    for (const std::uint64_t what :
         {std::uint64_t{PR_SET_NAME}, std::uint64_t{PR_GET_NAME}, std::uint64_t{PR_GET_DUMPABLE}, kSetVma})
        rules.push_back({"prctl", {{0, kInt, what}}});
    // Threads, and no processes. clone3 has its flags in memory, where no filter sees them: filter_program.cc
    rules.push_back({"clone", {{kCloneFlags, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD}}});
    // No memory is made code.
    for (const char* call : {"mmap", "mmap2", "mprotect", "pkey_mprotect"})
        rules.push_back({call, {{2, PROT_EXEC, 0}}});
    // No signal but to itself.
    for (const char* call : {"kill", "tgkill"})
        rules.push_back({call, {{0, kInt, static_cast<std::uint64_t>(::getpid())}}});
}

/// Files by name and by descriptor. Which ones they are is left to the user that the process is.
void add_files(Rules& rules) {
    add(rules, {"read",           "readv",          "pread64",
                "preadv",         "preadv2",        "write",
                "writev",         "pwrite64",       "pwritev",
                "pwritev2",       "open",           "openat",
                "close",          "close_range",    "dup",
                "dup2",           "dup3",           "lseek",
                "_llseek",        "stat",           "lstat",
                "fstat",          "newfstatat",     "stat64",
                "lstat64",        "fstat64",        "fstatat64",
                "statx",          "statfs",         "fstatfs",
                "access",         "faccessat",      "faccessat2",
                "readlink",       "readlinkat",     "getdents",
                "getdents64",     "getcwd",         "chdir",
                "fchdir",         "fadvise64",      "flock",
                "fsync",          "fdatasync",      "sync_file_range",
                "fallocate",      "ftruncate",      "truncate",
                "unlink",         "unlinkat",       "pipe",
                "pipe2",          "eventfd2",       "epoll_create1",
                "epoll_ctl",      "epoll_wait",     "epoll_pwait",
                "epoll_pwait2",   "poll",           "ppoll",
                "ppoll_time64",   "select",         "pselect6",
                "signalfd4",      "timerfd_create", "timerfd_settime",
                "timerfd_gettime"});
}

/// Of a descriptor; that it signals somebody, or is leased, is none of them.
void add_fcntl(Rules& rules, std::initializer_list<int> commands) {
    for (const char* call : {"fcntl", "fcntl64"})
        for (const int command : commands)
            rules.push_back({call, {{1, kInt, static_cast<std::uint64_t>(command)}}});
}

/// `families` beside AF_UNIX.
void add_sockets(Rules& rules, std::initializer_list<int> families) {
    add(rules, {"bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "getsockopt",
                "setsockopt", "shutdown", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg",
                "recvmmsg_time64"});
    for (const char* call : {"socket", "socketpair"}) {
        rules.push_back({call, {{0, kInt, AF_UNIX}}});
        for (const int family : families)
            rules.push_back({call, {{0, kInt, static_cast<std::uint64_t>(family)}}});
    }
}

/// All calls of a driver; a terminal, whose calls could type for its user, is none of them.
void add_driver(Rules& rules, unsigned type) {
    rules.push_back({"ioctl", {{1, kIoctlType, static_cast<std::uint64_t>(type) << 8}}});
}

void add_ioctl(Rules& rules, std::initializer_list<std::uint64_t> requests) {
    for (const auto request : requests)
        rules.push_back({"ioctl", {{1, kInt, request}}});
}

constexpr unsigned kRdma = 0x1b;         // <rdma/rdma_user_ioctl_cmds.h>
constexpr unsigned kNvdimm = 'N';        // <linux/ndctl.h>
constexpr unsigned kFileSystem = 'f';    // <linux/fs.h>: extents, of a file on dax
constexpr unsigned kBlockDevice = 0x12;  // <linux/fs.h>
constexpr unsigned kFuse = 229;          // <linux/fuse.h>

Rules common_rules() {
    Rules rules;
    add_run_time(rules);
    add_files(rules);
    add_fcntl(rules, {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK,
                      F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GET_SEALS, F_ADD_SEALS});
    add_sockets(rules, {AF_INET, AF_INET6, AF_NETLINK});
    add_driver(rules, kRdma);
    add_ioctl(rules, {FIONBIO, FIONREAD, TCGETS});
    return rules;
}

}  // namespace

std::vector<CallRule> calls_of_manager() {
    auto rules = common_rules();
    for (const auto type : {kNvdimm, kFileSystem, kBlockDevice})
        add_driver(rules, type);
    return rules;
}

std::vector<CallRule> calls_of_mount() {
    auto rules = common_rules();
    add_driver(rules, kFuse);
    add_fcntl(rules, {F_GETPIPE_SZ, F_SETPIPE_SZ});
    add(rules, {"splice", "vmsplice", "tee", "wait4", "waitid"});
    // Where names of hosts come from is in libraries that are loaded when they are asked for: files, not
    // memory that this process has written.
    for (const char* call : {"mmap", "mmap2"})
        rules.push_back({call, {{2, PROT_EXEC | PROT_WRITE, PROT_EXEC}, {3, MAP_ANONYMOUS, 0}}});
    return rules;
}

const std::vector<const char*>& deadly_calls() {
    static const std::vector<const char*> calls = {"execve",
                                                   "execveat",
                                                   "ptrace",
                                                   "process_vm_readv",
                                                   "process_vm_writev",
                                                   "process_madvise",
                                                   "pidfd_getfd",
                                                   "kcmp",
                                                   "mount",
                                                   "umount",
                                                   "umount2",
                                                   "move_mount",
                                                   "open_tree",
                                                   "fsopen",
                                                   "fsconfig",
                                                   "fsmount",
                                                   "fspick",
                                                   "mount_setattr",
                                                   "pivot_root",
                                                   "chroot",
                                                   "unshare",
                                                   "setns",
                                                   "bpf",
                                                   "io_uring_setup",
                                                   "io_uring_enter",
                                                   "io_uring_register",
                                                   "init_module",
                                                   "finit_module",
                                                   "delete_module",
                                                   "kexec_load",
                                                   "kexec_file_load",
                                                   "reboot",
                                                   "swapon",
                                                   "swapoff",
                                                   "acct",
                                                   "quotactl",
                                                   "keyctl",
                                                   "add_key",
                                                   "request_key",
                                                   "perf_event_open",
                                                   "userfaultfd",
                                                   "open_by_handle_at",
                                                   "name_to_handle_at",
                                                   "personality",
                                                   "modify_ldt",
                                                   "iopl",
                                                   "ioperm",
                                                   "setuid",
                                                   "setgid",
                                                   "setreuid",
                                                   "setregid",
                                                   "setresuid",
                                                   "setresgid",
                                                   "setfsuid",
                                                   "setfsgid",
                                                   "setgroups",
                                                   "capset",
                                                   "settimeofday",
                                                   "clock_settime",
                                                   "clock_adjtime",
                                                   "adjtimex",
                                                   "sethostname",
                                                   "setdomainname",
                                                   "mknod",
                                                   "mknodat",
                                                   "memfd_secret",
                                                   "vhangup",
                                                   "syslog",
                                                   "lookup_dcookie",
                                                   "fork",
                                                   "vfork"};
    return calls;
}

}  // namespace pmemckpt::confine
