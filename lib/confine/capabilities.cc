#include "lib/confine/capabilities.hh"

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <thread>

namespace pmemckpt::confine {

namespace {

constexpr unsigned kMaximumCapability = 63;
constexpr auto kLimit = std::chrono::seconds(10);
constexpr auto kPause = std::chrono::milliseconds(1);

constexpr std::array<std::string_view, 41> kNames = {"CHOWN",
                                                     "DAC_OVERRIDE",
                                                     "DAC_READ_SEARCH",
                                                     "FOWNER",
                                                     "FSETID",
                                                     "KILL",
                                                     "SETGID",
                                                     "SETUID",
                                                     "SETPCAP",
                                                     "LINUX_IMMUTABLE",
                                                     "NET_BIND_SERVICE",
                                                     "NET_BROADCAST",
                                                     "NET_ADMIN",
                                                     "NET_RAW",
                                                     "IPC_LOCK",
                                                     "IPC_OWNER",
                                                     "SYS_MODULE",
                                                     "SYS_RAWIO",
                                                     "SYS_CHROOT",
                                                     "SYS_PTRACE",
                                                     "SYS_PACCT",
                                                     "SYS_ADMIN",
                                                     "SYS_BOOT",
                                                     "SYS_NICE",
                                                     "SYS_RESOURCE",
                                                     "SYS_TIME",
                                                     "SYS_TTY_CONFIG",
                                                     "MKNOD",
                                                     "LEASE",
                                                     "AUDIT_WRITE",
                                                     "AUDIT_CONTROL",
                                                     "SETFCAP",
                                                     "MAC_OVERRIDE",
                                                     "MAC_ADMIN",
                                                     "SYSLOG",
                                                     "WAKE_ALARM",
                                                     "BLOCK_SUSPEND",
                                                     "AUDIT_READ",
                                                     "PERFMON",
                                                     "BPF",
                                                     "CHECKPOINT_RESTORE"};
static_assert(kNames[CAP_IPC_LOCK] == "IPC_LOCK" && kNames[CAP_BPF] == "BPF");

bool set_capabilities(CapabilitySet capabilities) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    for (std::size_t word = 0; word < data.size(); ++word)
        data[word].permitted = data[word].effective = static_cast<std::uint32_t>(capabilities >> 32 * word);
    return ::syscall(SYS_capset, &header, data.data()) == 0;
}

/// Of this thread; where the kernel does not say, it has.
bool has_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0)
        return true;
    return std::ranges::any_of(
        data, [](const auto& word) { return (word.permitted | word.effective | word.inheritable) != 0; });
}

/// The kernel keeps them for each thread, so each gives up its own: this is a signal's handler, too. Who has
/// none asks for nothing: behind a filter, capset ends the process.
void give_up(int) {
    const int saved = errno;
    if (has_capabilities())
        set_capabilities(0);
    errno = saved;
}

/// It stays: a signal may still be on its way when its thread was found without any, and be handled when the
/// filter stands.
Status take_signal(int signal) {
    struct sigaction action {};
    action.sa_handler = give_up;
    action.sa_flags = SA_RESTART;
    ::sigfillset(&action.sa_mask);
    if (::sigaction(signal, &action, nullptr) != 0)
        return fail_errno(errno, "can't handle signal {}", signal);
    return {};
}

bool has_some(const Privileges& thread) {
    return (thread.inheritable | thread.permitted | thread.effective | thread.ambient) != 0;
}

/// How many had some; they are told.
Result<unsigned> tell_threads(int signal) {
    unsigned told = 0;
    for (const auto thread : TRY(list_threads())) {
        const auto privileges = privileges_of(thread);
        if (!privileges && privileges.error().code != ESRCH)
            return tl::unexpected<Error>(privileges.error());
        if (!privileges || !has_some(*privileges))
            continue;
        ++told;
        ::syscall(SYS_tgkill, ::getpid(), thread, signal);
    }
    return told;
}

}  // namespace

std::vector<std::string> names_of(CapabilitySet capabilities) {
    std::vector<std::string> names;
    for (unsigned number = 0; number <= kMaximumCapability; ++number)
        if ((capabilities >> number & 1) != 0)
            names.push_back(number < kNames.size() ? fmt::format("CAP_{}", kNames[number])
                                                   : fmt::format("CAP_{}", number));
    return names;
}

Status empty_bounding_set() {
    for (unsigned number = 0; number <= kMaximumCapability; ++number) {
        const int has = ::prctl(PR_CAPBSET_READ, number);
        if (has < 0)
            return {};  // the kernel knows no more of them
        if (has > 0 && ::prctl(PR_CAPBSET_DROP, number) != 0)
            return errno == EPERM ? Status{}
                                  : Status{fail_errno(errno, "can't give up capability {}", number)};
    }
    return {};
}

Status keep_capabilities(CapabilitySet capabilities) {
    const auto present = TRY(privileges_of(::gettid()));
    if (!set_capabilities(capabilities & present.permitted))
        return fail_errno(errno, "can't give up capabilities");
    return {};
}

Status drop_capabilities() {
    const int signal = SIGRTMAX - 1;
    TRY(take_signal(signal));
    give_up(0);
    const auto end = std::chrono::steady_clock::now() + kLimit;
    // One that had some may have started another thread before it came to the signal, behind the first look.
    for (unsigned looks_without = 0; looks_without < 2;) {
        const auto told = TRY(tell_threads(signal));
        looks_without = told == 0 ? looks_without + 1 : 0;
        if (told > 0 && std::chrono::steady_clock::now() > end)
            return fail(ETIMEDOUT, "{} threads keep their capabilities after {} s", told, kLimit.count());
        if (told > 0)
            std::this_thread::sleep_for(kPause);
    }
    return {};
}

}  // namespace pmemckpt::confine
