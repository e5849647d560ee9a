#include "lib/confine/refusals.hh"

#include <seccomp.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "lib/base/handle.hh"

namespace pmemckpt::confine {

namespace {

constexpr int kSystemCallRefused = 1;  // SYS_SECCOMP, where <signal.h> has it not
constexpr std::size_t kCalls = 512;    // numbers above are told by number alone

// All of it is filled before the filter stands: a signal's handler may only read.
std::array<std::array<char, 32>, kCalls> names;
std::array<std::atomic<bool>, kCalls> told;
std::array<char, 64> line_begin;

void look_up_names() {
    for (std::size_t number = 0; number < kCalls; ++number) {
        const std::unique_ptr<char, Closer<std::free>> name(
            ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number)));
        std::snprintf(names[number].data(), names[number].size(), "%s", name ? name.get() : "?");
    }
    if (std::getenv("JOURNAL_STREAM") != nullptr)
        std::snprintf(line_begin.data(), line_begin.size(), "<4>");
    else
        std::snprintf(line_begin.data(), line_begin.size(), "%s: ", program_invocation_short_name);
}

void tell(int number, const char* what) {
    const auto index = static_cast<std::size_t>(number);
    const bool known = index < kCalls;
    if (known && told[index].exchange(true))
        return;
    std::array<char, 256> line{};
    const int size = std::snprintf(line.data(), line.size(), "%ssystem call %s (%d) %s\n", line_begin.data(),
                                   known ? names[index].data() : "?", number, what);
    const auto length = std::min(line.size() - 1, static_cast<std::size_t>(std::max(size, 0)));
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), length);
}

void make_it_fail([[maybe_unused]] void* context) {
#if defined(__x86_64__)
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    static_cast<ucontext_t*>(context)->uc_mcontext.regs[0] = static_cast<unsigned long long>(-EPERM);
#endif
}

void refuse(int, siginfo_t* info, void* context) {
    if (info->si_code != kSystemCallRefused)
        return;
    const int saved = errno;
    tell(info->si_syscall,
         "is refused: it is none of those that are allowed here (--confine log lets them through and names "
         "them)");
    make_it_fail(context);
    errno = saved;
}

}  // namespace

bool can_be_told() {
#if defined(__x86_64__) || defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

Status tell_of_refusals() {
    look_up_names();
    struct sigaction action {};
    action.sa_sigaction = refuse;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    ::sigemptyset(&action.sa_mask);
    if (::sigaction(SIGSYS, &action, nullptr) != 0)
        return fail_errno(errno, "can't handle SIGSYS");
    return {};
}

void tell_of_missing_call(int number) {
    tell(number, "is let through, and would be refused with --confine on");
}

}  // namespace pmemckpt::confine
