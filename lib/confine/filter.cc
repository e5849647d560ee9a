#include "lib/confine/filter.hh"

#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <memory>
#include <thread>

#include "lib/confine/filter_program.hh"
#include "lib/confine/hardening.hh"
#include "lib/confine/refusals.hh"

namespace pmemckpt::confine {

namespace {

// <linux/seccomp.h>
constexpr unsigned kSetFilter = 1, kAllThreads = 1U << 0, kNewListener = 1U << 3,
                   kAllThreadsOrError = 1U << 4;
constexpr std::uint32_t kContinue = 1;

std::atomic<bool> only_told = false;

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

/// 0, or the listener of kNewListener.
Result<int> load(std::vector<sock_filter> program, unsigned flags) {
    const sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};
    const long result = ::syscall(SYS_seccomp, kSetFilter, flags, &whole);
    if (result < 0)
        return fail_errno(errno, "can't restrict system calls: the kernel does not take the filter");
    if (result > 0 && (flags & kNewListener) == 0)
        return fail(ESRCH, "can't restrict system calls: thread {} has a filter of its own", result);
    return static_cast<int>(result);
}

Status load_and_watch(const std::vector<sock_filter>& program) {
    std::promise<int> listener;
    TRY(start_watcher(listener.get_future()));
    const auto loaded = load(program, kAllThreads | kNewListener | kAllThreadsOrError);
    listener.set_value(loaded.value_or(-1));
    only_told = loaded.has_value();
    return loaded ? Status() : tl::unexpected<Error>(loaded.error());
}

}  // namespace

Result<Filter> Filter::make(const std::vector<CallRule>& allowed, Mode mode) {
    if (mode == Mode::off || sanitized())
        return Filter(Mode::off, {});
    return Filter(mode, TRY(make_filter_program(allowed, mode)));
}

Status Filter::enter() const {
    if (mode_ == Mode::off)
        return {};
    TRY(tell_of_refusals());
    if (mode_ == Mode::log)
        return load_and_watch(program_);
    TRY(load(program_, kAllThreads));
    return {};
}

bool refusals_are_only_told() {
    return only_told;
}

}  // namespace pmemckpt::confine
