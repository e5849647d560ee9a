#include "tests/support/traced.hh"

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "tests/support/check.hh"

namespace pmemckpt::test {

namespace {

pid_t begin(const std::function<int()>& body) {
    std::fflush(nullptr);
    const auto child = ::fork();
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        const int status = body();
        std::fflush(nullptr);
        ::_exit(status);
    }
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    return child;
}

/// To the next begin or end of a call; false at the end of the process.
bool go_on(pid_t child, Traced& traced) {
    int status = 0;
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    CHECK(::waitpid(child, &status, 0) == child);
    if (WIFSTOPPED(status))
        return true;
    traced.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return false;
}

int end_of(pid_t child) {
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#if defined(__x86_64__)
constexpr bool kCanFail = true;
using Registers = user_regs_struct;
long call_of(const Registers& registers) {
    return static_cast<long>(registers.orig_rax);
}
void set_call(Registers& registers, long call) {
    registers.orig_rax = static_cast<unsigned long long>(call);
}
void set_result(Registers& registers, long result) {
    registers.rax = static_cast<unsigned long long>(result);
}
Registers registers_of(pid_t child) {
    Registers registers{};
    CHECK(::ptrace(PTRACE_GETREGS, child, nullptr, &registers) == 0);
    return registers;
}
void set_registers(pid_t child, Registers registers) {
    CHECK(::ptrace(PTRACE_SETREGS, child, nullptr, &registers) == 0);
}
#else
constexpr bool kCanFail = false;
struct Registers {};
long call_of(const Registers&) {
    return -1;
}
void set_call(Registers&, long) {}
void set_result(Registers&, long) {}
Registers registers_of(pid_t) {
    return {};
}
void set_registers(pid_t, Registers) {}
#endif

/// It has stopped at the begin of this call, which is not made.
void fail_call(pid_t child, int code, Traced& traced) {
    auto registers = registers_of(child);
    set_call(registers, -1);
    set_registers(child, registers);
    CHECK(go_on(child, traced));
    registers = registers_of(child);
    set_result(registers, -code);
    set_registers(child, registers);
}

}  // namespace

bool can_fail_calls() {
    return kCanFail;
}

Traced run_till(unsigned nth, const std::function<int()>& body) {
    Traced traced;
    const auto child = begin(body);
    for (unsigned stops = 0; stops + 1 < 2 * nth; ++stops)  // one at its begin, one at its end
        if (!go_on(child, traced))
            return traced;
    traced.came_so_far = true;
    ::kill(child, SIGKILL);
    traced.status = end_of(child);
    return traced;
}

Traced run_with_failure(unsigned nth, const std::set<long>& calls, int code,
                        const std::function<int()>& body) {
    Traced traced;
    const auto child = begin(body);
    while (go_on(child, traced)) {
        if (calls.contains(call_of(registers_of(child))) && ++traced.calls == nth) {
            fail_call(child, code, traced);
            ::ptrace(PTRACE_DETACH, child, nullptr, nullptr);
            traced.came_so_far = true;
            traced.status = end_of(child);
            return traced;
        }
        if (!go_on(child, traced))  // the call's end
            return traced;
    }
    return traced;
}

}  // namespace pmemckpt::test
