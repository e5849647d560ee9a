#pragma once
// A view, mounted: from mount(2) until it is unmounted.
#include <memory>
#include <string>

#include "fuse/unmounter.hh"
#include "fuse/view.hh"

struct fuse_session;

namespace pmemckpt::view {

inline constexpr unsigned kMaximumThreads = 16;  ///< that serve requests at a time
inline constexpr unsigned kReadAheadKiB = 4096;  ///< of the mount, where root may set it

struct MountSettings {
    std::string source;  ///< what mount(8) shows
    std::string point;   ///< absolute
    bool allow_other = false;
    bool noexec = false;
    Unmounter* unmounter = nullptr;  ///< none: this process does it itself
};

/// Keeps the signals that end a mount from this thread, and from those that it starts. Before any other
/// thread is started: only the one in Mount::run() takes them.
void block_end_signals();

class Mount {
public:
    /// On return the file system is mounted and has shaken hands with the kernel; requests wait until run().
    /// ENODEV (no FUSE here), EACCES, ECANCELED with what libfuse or fusermount3 said.
    static Result<std::unique_ptr<Mount>> mount(View& view, const MountSettings& settings);
    /// Unmounts when it still is mounted.
    ~Mount();
    /// Serves requests until it is unmounted, or a SIGINT, SIGTERM or SIGHUP comes.
    Status run();

private:
    Mount(fuse_session* session, Unmounter* unmounter) : session_(session), unmounter_(unmounter) {}
    Status shake_hands();
    bool is_mounted() const;
    fuse_session* session_;
    Unmounter* unmounter_;
    bool mounted_ = false;
};

}  // namespace pmemckpt::view
