#pragma once
// A process that can unmount, and nothing else: so the one that talks to the network need not be able to. It
// has the right of who mounts: CAP_SYS_ADMIN for root, fusermount3 for others.
#include <sys/types.h>

#include <memory>
#include <string>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::view {

class Unmounter {
public:
    /// Before the first thread is started. It ends with this process, whatever ends that.
    static Result<std::unique_ptr<Unmounter>> start(const std::string& point);
    ~Unmounter();
    Unmounter(const Unmounter&) = delete;
    Unmounter& operator=(const Unmounter&) = delete;

    /// Once; what is open there may be read on. The errno of umount(2); EIO of fusermount3.
    Status unmount();

private:
    Unmounter(std::string point, FileDescriptor socket, pid_t process)
        : point_(std::move(point)), socket_(std::move(socket)), process_(process) {}
    std::string point_;
    FileDescriptor socket_;
    pid_t process_;
};

}  // namespace pmemckpt::view
