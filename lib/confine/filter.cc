#include "lib/confine/filter.hh"

#include <seccomp.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <string_view>
#include <thread>

#include "lib/base/handle.hh"
#include "lib/confine/hardening.hh"
#include "lib/confine/refusals.hh"

namespace pmemckpt::confine {

namespace {

using Context = std::unique_ptr<void, Closer<seccomp_release>>;

constexpr std::uint64_t kIoctlType = 0xff00, kOfSeccomp = '!' << 8;  // <linux/seccomp.h>
constexpr std::uint32_t kContinue = 1;  // SECCOMP_USER_NOTIF_FLAG_CONTINUE of <linux/seccomp.h>

std::atomic<bool> only_told = false;

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
    TRY(check(::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_TSYNC, 1), "in all threads"));
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

/// One call that waits for a word, and the word.
struct Notice {
    Notice() { ok = ::seccomp_notify_alloc(&request, &response) == 0; }
    ~Notice() { ::seccomp_notify_free(request, response); }
    Notice(const Notice&) = delete;
    Notice& operator=(const Notice&) = delete;
    seccomp_notif* request = nullptr;
    seccomp_notif_resp* response = nullptr;
    bool ok = false;
};

/// To the end of the process.
void let_through(int listener, const Notice& notice) {
    for (;;) {
        *notice.request = {};
        if (::seccomp_notify_receive(listener, notice.request) != 0)
            continue;  // a signal, or the caller is gone
        tell_of_missing_call(notice.request->data.nr);
        *notice.response = {};
        notice.response->id = notice.request->id;
        notice.response->flags = kContinue;
        ::seccomp_notify_respond(listener, notice.response);
    }
}

/// It stands before the filter does: from then on who makes such a call waits for it.
Status start_watcher(std::future<int> told) {
    auto notice = std::make_unique<Notice>();
    if (!notice->ok)
        return fail(ENOSYS, "this kernel can't let refused system calls through: that takes Linux 5.5");
    std::thread([told = std::move(told), notice = std::move(notice)]() mutable {
        if (const int listener = told.get(); listener >= 0)
            let_through(listener, *notice);
    }).detach();
    return {};
}

Status load(const Context& context) {
    return check(::seccomp_load(context.get()), "the kernel does not take the filter");
}

Status load_and_watch(const Context& context) {
    std::promise<int> listener;
    TRY(start_watcher(listener.get_future()));
    auto loaded = load(context);
    listener.set_value(loaded ? ::seccomp_notify_fd(context.get()) : -1);
    only_told = loaded.has_value();
    return loaded;
}

}  // namespace

Status restrict_system_calls(const std::vector<CallRule>& allowed, Mode mode) {
    if (mode == Mode::off || sanitized())
        return {};
    TRY(tell_of_refusals());
    const auto context = TRY(make_context(allowed, mode));
    return mode == Mode::log ? load_and_watch(context) : load(context);
}

bool refusals_are_only_told() {
    return only_told;
}

}  // namespace pmemckpt::confine
