#include "lib/base/memory_fault.hh"

#include <setjmp.h>
#include <signal.h>

#include <cstring>
#include <mutex>

#include "lib/base/crc32c.hh"

namespace pmemckpt {

namespace {

// Where this thread goes on when it faults. Initial-exec: the handler may not allocate, not even its own
// thread's variables.
[[gnu::tls_model("initial-exec")]] thread_local sigjmp_buf* volatile way_out = nullptr;
[[gnu::tls_model("initial-exec")]] thread_local const void* volatile fault_address = nullptr;

/// ThreadSanitizer's own handler, in front of ours, blocks all signals: there the jump must undo it.
#ifdef __SANITIZE_THREAD__
constexpr int kSavesMask = 1;
#else
constexpr int kSavesMask = 0;
#endif

struct sigaction action_before {};

void end_as_before(int number, siginfo_t* info, void* context) {
    if ((action_before.sa_flags & SA_SIGINFO) != 0)
        return action_before.sa_sigaction(number, info, context);
    if (action_before.sa_handler != SIG_DFL && action_before.sa_handler != SIG_IGN)
        return action_before.sa_handler(number);
    // The load is tried again on return, and ends the process; a signal that somebody sent is sent again.
    ::signal(SIGBUS, SIG_DFL);
    if (info->si_code <= 0)
        ::raise(SIGBUS);
}

void at_fault(int number, siginfo_t* info, void* context) {
    if (info->si_code == BUS_MCEERR_AO)  // found by the memory's own scrub; nobody has touched it
        return;
    if (!way_out || info->si_code <= 0)
        return end_as_before(number, info, context);
    fault_address = info->si_addr;
    ::siglongjmp(*way_out, 1);
}

}  // namespace

void catch_memory_faults() {
    static std::mutex installing;
    const std::lock_guard lock(installing);
    struct sigaction present {};
    ::sigaction(SIGBUS, nullptr, &present);
    if ((present.sa_flags & SA_SIGINFO) != 0 && present.sa_sigaction == at_fault)
        return;
    action_before = present;
    struct sigaction action {};
    action.sa_sigaction = at_fault;
    ::sigemptyset(&action.sa_mask);
    // Not blocked while it is handled: the jump out of the handler then needs no system call to undo it.
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    ::sigaction(SIGBUS, &action, nullptr);
}

namespace detail {

std::optional<const void*> try_touch(Touch touch, void* context) {
    sigjmp_buf here;
    auto* const outer = way_out;
    if (sigsetjmp(here, kSavesMask) != 0) {
        way_out = outer;
        return fault_address;
    }
    way_out = &here;
    touch(context);
    way_out = outer;
    return std::nullopt;
}

}  // namespace detail

bool copy_if_readable(std::byte* to, std::span<const std::byte> from) {
    return from.empty() || !try_touch([&] { std::memcpy(to, from.data(), from.size()); });
}

std::optional<bool> is_zero_if_readable(std::span<const std::byte> bytes) {
    bool zero = true;
    if (bytes.empty())
        return zero;
    // Each byte is the one before it, and the first is 0.
    if (try_touch([&] {
            zero = bytes[0] == std::byte{} &&
                   __builtin_memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
        }))
        return std::nullopt;
    return zero;
}

std::optional<std::uint32_t> crc32c_if_readable(std::span<const std::byte> bytes, std::uint32_t before) {
    std::uint32_t sum = 0;
    if (try_touch([&] { sum = crc32c(bytes, before); }))
        return std::nullopt;
    return sum;
}

}  // namespace pmemckpt
