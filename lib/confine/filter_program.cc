#include "lib/confine/filter_program.hh"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "lib/base/handle.hh"
#include "lib/base/log.hh"
#include "lib/confine/refusals.hh"

namespace pmemckpt::confine {

namespace {

using Context = std::unique_ptr<void, Closer<seccomp_release>>;

constexpr std::uint64_t kIoctlType = 0xff00, kOfSeccomp = '!' << 8;  // <linux/seccomp.h>
constexpr rlim_t kProcessorSeconds = 5;  // of the process that makes it; it takes some milliseconds

/// libseccomp's calls give 0 or a negative errno.
Status check(int result, const char* what) {
    if (result < 0)
        return fail_errno(-result, "can't restrict system calls: {}", what);
    return {};
}

std::uint32_t action_for_others(Mode mode) {
    if (mode == Mode::log)
        return SCMP_ACT_NOTIFY;
    return can_be_told() ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM);
}

/// A call that this processor, or this libseccomp, does not have is no error.
Status add_rule(const Context& context, std::uint32_t action, const CallRule& rule) {
    const int number = ::seccomp_syscall_resolve_name(rule.call);
    if (number < 0)
        return {};
    std::vector<scmp_arg_cmp> conditions;
    for (const auto& condition : rule.conditions)
        conditions.push_back({condition.argument, SCMP_CMP_MASKED_EQ, condition.mask, condition.value});
    return check(::seccomp_rule_add_array(context.get(), action, number,
                                          static_cast<unsigned>(conditions.size()), conditions.data()),
                 rule.call);
}

bool is_in(const std::vector<CallRule>& rules, std::string_view call) {
    return std::ranges::any_of(rules, [call](const CallRule& rule) { return rule.call == call; });
}

Result<Context> make_context(const std::vector<CallRule>& allowed, Mode mode) {
    Context context(::seccomp_init(action_for_others(mode)));
    if (!context)
        return fail(ENOMEM, "can't restrict system calls: libseccomp does not start");
    // System calls of another architecture, numbered otherwise.
    TRY(check(::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
              "of another architecture"));
    for (const auto& rule : allowed)
        TRY(add_rule(context, SCMP_ACT_ALLOW, rule));
    // Who is refused a call is in a signal's handler, and has to come back from there.
    for (const char* call : {"rt_sigreturn", "sigreturn"})
        if (!is_in(allowed, call))
            TRY(add_rule(context, SCMP_ACT_ALLOW, {call, {}}));
    // The C library takes clone then, whose flags can be looked at.
    TRY(add_rule(context, SCMP_ACT_ERRNO(ENOSYS), {"clone3", {}}));
    if (mode == Mode::log)  // who gives the word is under the filter, too
        TRY(add_rule(context, SCMP_ACT_ALLOW, {"ioctl", {{1, kIoctlType, kOfSeccomp}}}));
    if (mode == Mode::on)
        for (const char* call : deadly_calls())
            if (!is_in(allowed, call))
                TRY(add_rule(context, SCMP_ACT_KILL_PROCESS, {call, {}}));
    return context;
}

Status export_program(const FileDescriptor& into, const std::vector<CallRule>& allowed, Mode mode) {
    const auto context = TRY(make_context(allowed, mode));
    return check(::seccomp_export_bpf(context.get(), into.get()), "of the filter's instructions");
}

/// To the end of the process: the program, twice. Where an allocation fails libseccomp may leave
/// a rule out, and say nothing of it.
[[noreturn]] void make(const FileDescriptor& into, const std::vector<CallRule>& allowed, Mode mode) {
    const rlimit limit{kProcessorSeconds, kProcessorSeconds};
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CPU, &limit);
    ::setrlimit(RLIMIT_CORE, &no_core);
    auto made = export_program(into, allowed, mode);
    if (made)
        made = export_program(into, allowed, mode);
    if (!made)
        log::error("{}", made.error().message);
    ::_exit(made ? 0 : 1);
}

/// To the end of it.
std::string read_all(const FileDescriptor& from) {
    std::string text;
    std::array<char, 4096> part;
    for (ssize_t got; (got = ::read(from.get(), part.data(), part.size())) != 0;)
        if (got > 0)
            text.append(part.data(), static_cast<std::size_t>(got));
        else if (errno != EINTR)
            break;
    return text;
}

/// Its wait status. None where who started this process has its children's ends ignored: the kernel keeps
/// nothing of them then.
std::optional<int> wait_for(pid_t process) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return std::nullopt;
    return status;
}

}  // namespace

Result<std::vector<sock_filter>> make_filter_program(const std::vector<CallRule>& allowed, Mode mode) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail_errno(errno, "can't restrict system calls: no pipe");
    const FileDescriptor from(ends[0]);
    FileDescriptor into(ends[1]);
    const pid_t process = ::fork();
    if (process < 0)
        return fail_errno(errno, "can't restrict system calls: no process that makes the filter");
    if (process == 0)
        make(into, allowed, mode);
    into.reset();
    const auto made = read_all(from);
    const int status = wait_for(process).value_or(0);  // half a filter shows by itself
    if (WIFSIGNALED(status))
        return fail(
            ENOMEM,
            "can't restrict system calls: libseccomp ended by signal {}, as it does where it gets no memory",
            WTERMSIG(status));
    const auto half = made.size() / 2;
    const bool is_sound = status == 0 && !made.empty() && made.size() % (2 * sizeof(sock_filter)) == 0 &&
                          made.compare(0, half, made, half) == 0;
    if (!is_sound)
        return fail(ENOMEM,
                    "can't restrict system calls: libseccomp makes no sound filter; is memory wanting?");
    std::vector<sock_filter> program(half / sizeof(sock_filter));
    std::memcpy(program.data(), made.data(), half);
    return program;
}

}  // namespace pmemckpt::confine
