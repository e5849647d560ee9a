// Preloaded into a program under test: makes its Nth call to the system fail, or give less than it was asked
// for.
//
//     FAIL_CALLS=CALL:N[+]:HOW[,...]  the Nth call of this name, or with + each from it on; HOW is an errno's
//     name, or
//                                     "short": one byte of what was wanted (read, write, send, sendmsg,
//                                     recvmsg), or "kill": the program is killed before that call
//     FAIL_AFTER=PATH                 calls count from when this file is there
//     FAIL_LOG=PATH                   gets a line for each call that was made to fail
//     FAIL_CLOCK=PATH                 the wall clock is as many seconds ahead (or, with -, behind) as the
//     file says
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
}

namespace {

constexpr std::size_t kMaximumRules = 8;
constexpr int kShort = -1, kKill = -2;

struct Rule {
    char call[24] = {};
    long nth = 0;
    bool from_then_on = false;
    int how = 0;  ///< an errno, kShort or kKill
    std::atomic<long> calls = 0;
};

// Before the constructor has run there are none, and malloc may be called already. No destructor: threads of
// the program may call to its very end.
Rule rules[kMaximumRules];
std::atomic<std::size_t> rule_count = 0;
std::atomic<bool> in_main = false;
int (*real_main)(int, char**, char**) = nullptr;
const char* trigger = nullptr;
const char* log_path = nullptr;
const char* clock_path = nullptr;

// Of eventfd and signalfd: reading and writing these can't fail in life, nor give less.
constexpr int kMaximumFiles = 4096;
std::atomic<bool> is_event[kMaximumFiles];

bool can_fail(int file) {
    return file < 0 || file >= kMaximumFiles || !is_event[file];
}

int event_file(int file) {
    if (file >= 0 && file < kMaximumFiles)
        is_event[file] = true;
    return file;
}

struct ErrnoName {
    const char* name;
    int code;
};
constexpr ErrnoName kNames[] = {
    {"short", kShort},    {"kill", kKill},
    {"EIO", EIO},         {"ENOSPC", ENOSPC},
    {"ENOMEM", ENOMEM},   {"EMFILE", EMFILE},
    {"ENFILE", ENFILE},   {"EAGAIN", EAGAIN},
    {"EINTR", EINTR},     {"EACCES", EACCES},
    {"EPERM", EPERM},     {"ECONNRESET", ECONNRESET},
    {"ENOBUFS", ENOBUFS}, {"EDQUOT", EDQUOT},
    {"EINVAL", EINVAL},   {"ECONNABORTED", ECONNABORTED},
    {"EPIPE", EPIPE},     {"EOPNOTSUPP", EOPNOTSUPP},
};

int code_of(const char* name, std::size_t length) {
    for (const auto& known : kNames)
        if (std::strlen(known.name) == length && std::strncmp(known.name, name, length) == 0)
            return known.code;
    std::fprintf(stderr, "failing_calls: \"%.*s\" is no errno that is known here\n", static_cast<int>(length),
                 name);
    ::_exit(99);
}

const char* parse_rule(const char* text, Rule& rule) {
    const auto call_length = std::strcspn(text, ":");
    if (call_length >= sizeof rule.call || text[call_length] != ':')
        ::_exit(99);
    std::memcpy(rule.call, text, call_length);
    char* rest = nullptr;
    rule.nth = std::strtol(text + call_length + 1, &rest, 10);
    rule.from_then_on = *rest == '+';
    rest += rule.from_then_on ? 1 : 0;
    if (*rest != ':' || rule.nth < 1)
        ::_exit(99);
    const auto length = std::strcspn(rest + 1, ",");
    rule.how = code_of(rest + 1, length);
    return rest + 1 + length;
}

[[gnu::constructor]] void read_environment() {
    trigger = std::getenv("FAIL_AFTER");
    log_path = std::getenv("FAIL_LOG");
    clock_path = std::getenv("FAIL_CLOCK");
    const char* text = std::getenv("FAIL_CALLS");
    std::size_t count = 0;
    while (text && *text && count < kMaximumRules) {
        text = parse_rule(text, rules[count++]);
        text += *text == ',' ? 1 : 0;
    }
    rule_count = count;
}

/// By system calls alone: what is here must not be counted.
void tell(const char* call, long number) {
    if (!log_path)
        return;
    char line[64];
    const int size = std::snprintf(line, sizeof line, "%s %ld\n", call, number);
    const auto file = static_cast<int>(
        ::syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ::syscall(SYS_write, file, line, static_cast<std::size_t>(size));
    ::syscall(SYS_close, file);
}

/// 0: let it be. Else an errno, or kShort.
int verdict(const char* call) {
    if (!in_main)
        return 0;
    for (std::size_t i = 0; i < rule_count; ++i) {
        auto& rule = rules[i];
        if (std::strcmp(rule.call, call) != 0)
            continue;
        if (trigger && ::syscall(SYS_faccessat, AT_FDCWD, trigger, F_OK) != 0)
            continue;
        const auto number = ++rule.calls;
        if (number == rule.nth || (rule.from_then_on && number > rule.nth)) {
            if (number == rule.nth)
                tell(call, number);
            if (rule.how == kKill)
                ::syscall(SYS_kill, ::getpid(), SIGKILL);
            return rule.how;
        }
    }
    return 0;
}

bool fails(const char* call) {
    const int saved = errno;
    const int how = verdict(call);
    errno = how > 0 ? how : saved;
    return how > 0;
}

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// For calls that say how many bytes they moved.
struct Asked {
    bool fails = false;
    std::size_t size = 0;
};
Asked ask(const char* call, std::size_t size) {
    const int how = verdict(call);
    if (how > 0)
        errno = how;
    return {how > 0, how == kShort && size > 1 ? 1 : size};
}

/// The message's first bytes alone.
ssize_t first_byte(ssize_t (*call)(int, msghdr*, int), int socket, const msghdr& message, int flags) {
    msghdr one = message;
    iovec part{};
    for (std::size_t i = 0; i < message.msg_iovlen && part.iov_len == 0; ++i)
        part = message.msg_iov[i];
    part.iov_len = part.iov_len > 1 ? 1 : part.iov_len;
    one.msg_iov = &part;
    one.msg_iovlen = 1;
    return call(socket, &one, flags);
}

mode_t mode_of(int flags, va_list list) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(list, unsigned)) : 0;
}

int open_at(int folder, const char* path, int flags, mode_t mode) {
    return fails("open") ? -1 : static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

int counted_main(int count, char** arguments, char** environment) {
    in_main = true;
    return real_main(count, arguments, environment);
}

long seconds_ahead() {
    const auto file = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, clock_path, O_RDONLY | O_CLOEXEC));
    char text[32] = {};
    const auto got = ::syscall(SYS_read, file, text, sizeof text - 1);
    ::syscall(SYS_close, file);
    return got > 0 ? std::strtol(text, nullptr, 10) : 0;
}

}  // namespace

extern "C" {

#pragma GCC visibility push(default)

/// What happens before main is nobody's to handle.
int __libc_start_main(int (*main)(int, char**, char**), int count, char** arguments, void (*init)(),
                      void (*fini)(), void (*loader_fini)(), void* stack_end) {
    real_main = main;
    static auto* const real =
        next<int(int (*)(int, char**, char**), int, char**, void (*)(), void (*)(), void (*)(), void*)>(
            "__libc_start_main");
    return real(counted_main, count, arguments, init, fini, loader_fini, stack_end);
}

int open(const char* path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const auto mode = mode_of(flags, list);
    va_end(list);
    return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const auto mode = mode_of(flags, list);
    va_end(list);
    return open_at(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const auto mode = mode_of(flags, list);
    va_end(list);
    return open_at(folder, path, flags, mode);
}

ssize_t read(int file, void* to, std::size_t size) {
    const auto asked = can_fail(file) ? ask("read", size) : Asked{false, size};
    return asked.fails ? -1 : ::syscall(SYS_read, file, to, asked.size);
}
ssize_t pread(int file, void* to, std::size_t size, off_t at) {
    const auto asked = ask("read", size);
    return asked.fails ? -1 : ::syscall(SYS_pread64, file, to, asked.size, at);
}
ssize_t pread64(int file, void* to, std::size_t size, off64_t at) {
    return pread(file, to, size, at);
}
ssize_t write(int file, const void* from, std::size_t size) {
    const auto asked = can_fail(file) ? ask("write", size) : Asked{false, size};
    return asked.fails ? -1 : ::syscall(SYS_write, file, from, asked.size);
}

ssize_t pwrite(int file, const void* from, std::size_t size, off_t at) {
    const auto asked = ask("pwrite", size);
    return asked.fails ? -1 : ::syscall(SYS_pwrite64, file, from, asked.size, at);
}
ssize_t pwrite64(int file, const void* from, std::size_t size, off64_t at) {
    return pwrite(file, from, size, at);
}
ssize_t send(int socket, const void* from, std::size_t size, int flags) {
    const auto asked = ask("send", size);
    return asked.fails ? -1 : ::syscall(SYS_sendto, socket, from, asked.size, flags, nullptr, 0);
}
ssize_t sendmsg(int socket, const msghdr* message, int flags) {
    static auto* const real = next<ssize_t(int, msghdr*, int)>("sendmsg");
    const int how = verdict("sendmsg");
    if (how == kShort)
        return first_byte(real, socket, *message, flags);
    if (how > 0)
        errno = how;
    return how > 0 ? -1 : real(socket, const_cast<msghdr*>(message), flags);
}
ssize_t recvmsg(int socket, msghdr* message, int flags) {
    static auto* const real = next<ssize_t(int, msghdr*, int)>("recvmsg");
    const int how = verdict("recvmsg");
    if (how == kShort)
        return first_byte(real, socket, *message, flags);
    if (how > 0)
        errno = how;
    return how > 0 ? -1 : real(socket, message, flags);
}
ssize_t recv(int socket, void* to, std::size_t size, int flags) {
    const auto asked = ask("recv", size);
    return asked.fails ? -1 : ::recvfrom(socket, to, asked.size, flags, nullptr, nullptr);
}

int socket(int family, int type, int protocol) {
    return fails("socket") ? -1 : static_cast<int>(::syscall(SYS_socket, family, type, protocol));
}
int accept4(int socket, sockaddr* address, socklen_t* size, int flags) {
    return fails("accept4") ? -1 : static_cast<int>(::syscall(SYS_accept4, socket, address, size, flags));
}
int listen(int socket, int backlog) {
    return fails("listen") ? -1 : static_cast<int>(::syscall(SYS_listen, socket, backlog));
}
int setsockopt(int socket, int level, int name, const void* value, socklen_t size) {
    return fails("setsockopt")
               ? -1
               : static_cast<int>(::syscall(SYS_setsockopt, socket, level, name, value, size));
}

int epoll_create1(int flags) {
    return fails("epoll_create1") ? -1 : static_cast<int>(::syscall(SYS_epoll_create1, flags));
}
int epoll_ctl(int epoll, int operation, int file, epoll_event* event) {
    return fails("epoll_ctl") ? -1
                              : static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, file, event));
}
int epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) {
    static auto* const real = next<int(int, epoll_event*, int, int)>("epoll_wait");
    return fails("epoll_wait") ? -1 : real(epoll, events, count, timeout_ms);
}
int poll(pollfd* files, nfds_t count, int timeout_ms) {
    static auto* const real = next<int(pollfd*, nfds_t, int)>("poll");
    return fails("poll") ? -1 : real(files, count, timeout_ms);
}
int eventfd(unsigned value, int flags) {
    return event_file(fails("eventfd") ? -1 : static_cast<int>(::syscall(SYS_eventfd2, value, flags)));
}
int signalfd(int old, const sigset_t* signals, int flags) noexcept {
    static auto* const real = next<int(int, const sigset_t*, int)>("signalfd");
    return event_file(fails("signalfd") ? -1 : real(old, signals, flags));
}
int close(int file) {
    if (file >= 0 && file < kMaximumFiles)
        is_event[file] = false;
    return static_cast<int>(::syscall(SYS_close, file));
}

int msync(void* address, std::size_t size, int flags) {
    return fails("msync") ? -1 : static_cast<int>(::syscall(SYS_msync, address, size, flags));
}
int fsync(int file) {
    return fails("fsync") ? -1 : static_cast<int>(::syscall(SYS_fsync, file));
}
int rename(const char* from, const char* to) noexcept {
    return fails("rename") ? -1 : static_cast<int>(::syscall(SYS_rename, from, to));
}
int fallocate(int file, int mode, off_t at, off_t size) {
    return fails("fallocate") ? -1 : static_cast<int>(::syscall(SYS_fallocate, file, mode, at, size));
}
int fallocate64(int file, int mode, off64_t at, off64_t size) {
    return fallocate(file, mode, at, size);
}
int ftruncate(int file, off_t size) {
    return fails("ftruncate") ? -1 : static_cast<int>(::syscall(SYS_ftruncate, file, size));
}
int ftruncate64(int file, off64_t size) {
    return ftruncate(file, size);
}
void* mmap(void* address, std::size_t size, int protection, int flags, int file, off_t at) {
    if (fails("mmap"))
        return MAP_FAILED;
    return reinterpret_cast<void*>(::syscall(SYS_mmap, address, size, protection, flags, file, at));
}
void* mmap64(void* address, std::size_t size, int protection, int flags, int file, off64_t at) {
    return mmap(address, size, protection, flags, file, at);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) {
    static auto* const real =
        next<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
    return fails("pthread_create") ? errno : real(thread, attributes, body, argument);
}

void* malloc(std::size_t size) noexcept {
    return fails("malloc") ? nullptr : __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
    return fails("malloc") ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) noexcept {
    return fails("malloc") ? nullptr : __libc_realloc(old, size);
}

int clock_gettime(clockid_t clock, timespec* now) noexcept {
    static auto* const real = next<int(clockid_t, timespec*)>("clock_gettime");
    const int result = real(clock, now);
    if (clock == CLOCK_REALTIME && clock_path && result == 0)
        now->tv_sec += seconds_ahead();
    return result;
}

#pragma GCC visibility pop
}
