#include "tests/soak/mount.hh"

#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "tests/soak/failure.hh"

namespace soak {

namespace {

constexpr int kMountLimit = 60;
constexpr int kUnmountLimit = 30;
constexpr std::chrono::milliseconds kPause{2};

}  // namespace

bool Mount::is_possible() {
    return ::geteuid() == 0 && ::access("/dev/fuse", R_OK | W_OK) == 0;
}

Mount::~Mount() {
    child_.reset();
    ::umount2(site_.mount_point().c_str(), MNT_DETACH);
}

bool Mount::is_mounted() const {
    std::ifstream mounts("/proc/self/mounts");
    const auto wanted = " " + site_.mount_point().string() + " fuse";
    for (std::string line; std::getline(mounts, line);)
        if (line.find(wanted) != std::string::npos)
            return true;
    return false;
}

void Mount::start() {
    child_ = site_.start(
        "mount", {"mount.pmemckpt", site_.server() + ":/", site_.mount_point().string(), "--foreground"},
        false);
    ++counts_.starts;
    const auto end = Clock::now() + site_.limit(kMountLimit);
    while (!is_mounted()) {
        look();
        if (Clock::now() > end)
            fail("there is no mount {} s after its start", site_.limit(kMountLimit).count());
        std::this_thread::sleep_for(kPause);
    }
}

void Mount::kill() {
    look();
    child_->kill();
    child_.reset();
    ++counts_.mount_kills;
    struct statfs status {};  // stat(2) may be answered from the kernel's cache
    if (::statfs(site_.mount_point().c_str(), &status) == 0)
        fail("the mount of a helper that was killed answers");
    if (errno != ENOTCONN)
        fail("the mount of a helper that was killed: {}", std::strerror(errno));
    unmount();
}

/// Whoever has a file of it open is in its way for a moment.
void Mount::unmount() {
    const auto end = Clock::now() + site_.limit(kUnmountLimit);
    while (::umount2(site_.mount_point().c_str(), 0) != 0) {
        if (errno != EBUSY || Clock::now() > end)
            fail("umount {}: {}", site_.mount_point().string(), std::strerror(errno));
        std::this_thread::sleep_for(kPause);
    }
}

void Mount::stop() {
    unmount();
    const int status = child_->wait(site_.limit(kUnmountLimit));
    child_.reset();
    if (!exited_with(status, 0))
        fail("the mount helper, unmounted, has {}", end_text(status));
}

void Mount::look() {
    if (const auto status = child_->ended())
        fail("the mount helper has ended by itself: {}", end_text(*status));
}

}  // namespace soak
