#pragma once
// What a process gives up before it has opened anything, and before its first thread: it holds in all of
// them.
#include <string_view>

#include "lib/base/result.hh"

namespace pmemckpt::confine {

/// No core file and no debugger sees the memory, where keys are (PR_SET_DUMPABLE, RLIMIT_CORE); nothing that
/// is executed gets more rights (PR_SET_NO_NEW_PRIVS, the bounding set).
Status harden();
/// The first of these alone. A change of the user undoes it, so it is done once more then.
Status hide_memory();

/// PR_SET_NO_NEW_PRIVS and hide_memory() alone: what leaves this process's credentials as they are.
Status harden_with_these_credentials();

/// The kernel takes what is asked of an RDMA device, or of the connection manager, from the very credentials
/// alone that have opened it: who changes his own, and be it that he drops a capability, can ask nothing more
/// of it. Whether that is so for this transport on this host.
bool needs_its_credentials(std::string_view transport);

/// Memory that devices reach is locked. As much as is wanted, so that no capability is needed for it later;
/// where this process may not raise its limit (CAP_SYS_RESOURCE), it stays, and a warning says so if there
/// are RDMA devices and the capability that stood for it (CAP_IPC_LOCK) goes.
void allow_locked_memory();

/// Built with a sanitizer, whose own threads trace this process, and whose memory is not laid out for it:
/// then neither a filter nor PR_SET_DUMPABLE is set.
constexpr bool sanitized() {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

}  // namespace pmemckpt::confine
