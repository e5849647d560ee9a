#include "lib/confine/hardening.hh"

#include <dirent.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "lib/base/log.hh"
#include "lib/confine/capabilities.hh"

namespace pmemckpt::confine {

namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

bool may_lock_memory() {
    const auto privileges = privileges_of(::getpid());
    return privileges && (privileges->effective >> CAP_IPC_LOCK & 1) != 0;
}

bool has_rdma_devices() {
    const std::unique_ptr<DIR, CloseDirectory> devices(::opendir("/sys/class/infiniband"));
    for (const dirent* entry = nullptr; devices && (entry = ::readdir(devices.get())) != nullptr;)
        if (entry->d_name[0] != '.')
            return true;
    return false;
}

}  // namespace

Status hide_memory() {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0)
        return fail_errno(errno, "can't forbid core files");
    if (!sanitized() && ::prctl(PR_SET_DUMPABLE, 0) != 0)
        return fail_errno(errno, "can't hide the memory from others");
    return {};
}

Status harden_with_these_credentials() {
    TRY(hide_memory());
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno(errno, "can't forbid that a program gets more rights");
    return {};
}

Status harden() {
    TRY(harden_with_these_credentials());
    return empty_bounding_set();
}

bool needs_its_credentials(std::string_view transport) {
    return transport != "iwarp" && has_rdma_devices();
}

void allow_locked_memory() {
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    if (limit.rlim_cur == RLIM_INFINITY || ::setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0)
        return;
    const auto before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_MEMLOCK, &limit);
    if (may_lock_memory() && has_rdma_devices())
        log::warning(
            "RLIMIT_MEMLOCK is {} bytes and can't be raised, and CAP_IPC_LOCK is given up: windows over RDMA "
            "devices may be refused; start with ulimit -l unlimited, or LimitMEMLOCK=infinity",
            before);
}

}  // namespace pmemckpt::confine
