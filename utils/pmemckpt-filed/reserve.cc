#include "utils/pmemckpt-filed/reserve.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/handle.hh"

namespace pmemckpt::filed {

namespace {

constexpr const char* kName = "reserve";

}  // namespace

Status Reserve::take() {
    if (is_taken_)
        return {};
    const FileDescriptor file(::openat(folder_, kName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file)
        return fail_errno(errno, "can't keep {} MiB for a rollback", kReserveBytes / kMiB);
    if (const int code = ::posix_fallocate(file.get(), 0, static_cast<off_t>(kReserveBytes)); code != 0) {
        give_back();
        return fail_errno(code, "can't keep {} MiB for a rollback: on a full disk it may fail",
                          kReserveBytes / kMiB);
    }
    is_taken_ = true;
    return {};
}

void Reserve::give_back() {
    is_taken_ = false;
    ::unlinkat(folder_, kName, 0);
}

}  // namespace pmemckpt::filed
