#include "fuse/mount.hh"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "fuse/mount_table.hh"
#include "fuse/operations.hh"
#include "lib/base/handle.hh"
#include "lib/base/log.hh"

namespace pmemckpt::view {

namespace {

// In libfuse's option list a comma ends a value, unless a backslash is before it.
std::string escape(const std::string& value) {
    std::string escaped;
    for (const char c : value) {
        if (c == ',' || c == '\\')
            escaped += '\\';
        escaped += c;
    }
    return escaped;
}

std::string libfuse_options(const MountSettings& settings) {
    return fmt::format("-oro,nosuid,nodev,default_permissions,subtype=pmemckpt,fsname={}{}{}",
                       escape(settings.source), settings.allow_other ? ",allow_other" : "",
                       settings.noexec ? ",noexec" : "");
}

/// What libfuse, or fusermount3 that it starts, prints meanwhile becomes a part of our error.
class CapturedStderr {
public:
    CapturedStderr()
        : old_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)), file_(::memfd_create("stderr", MFD_CLOEXEC)) {
        if (old_ && file_)
            ::dup2(file_.get(), STDERR_FILENO);
    }
    ~CapturedStderr() { restore(); }
    /// The first line.
    std::string restore() {
        if (!old_ || !file_)
            return {};
        ::dup2(old_.get(), STDERR_FILENO);
        char bytes[1024];
        const auto got = ::pread(file_.get(), bytes, sizeof bytes, 0);
        std::string text(bytes, got > 0 ? static_cast<std::size_t>(got) : 0);
        file_.reset();
        return text.substr(0, text.find('\n'));
    }

private:
    FileDescriptor old_, file_;
};

void set_signals(int how) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&signals, signal);
    pthread_sigmask(how, &signals, nullptr);
}

// What the kernel reads ahead is set by the administrator of the device, not in the handshake; without root
// it stays.
void raise_read_ahead(const std::string& point) {
    const auto table = read_mount_table();
    const auto mounted = table ? mounted_at(*table, point) : std::nullopt;
    if (!mounted)
        return;
    const auto path = "/sys/class/bdi/" + mounted->device + "/read_ahead_kb";
    const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    const auto text = fmt::format("{}\n", kReadAheadKiB);
    if (!file || ::write(file.get(), text.data(), text.size()) < 0)
        log::info("{}: {}; reading in sequence is slower", path, system_error(errno, "").message);
}

Status check_device() {
    constexpr const char* kDevice = "/dev/fuse";
    if (::access(kDevice, R_OK | W_OK) == 0)
        return {};
    if (errno == ENOENT)
        return fail(ENODEV,
                    "there is no {}: this kernel has no FUSE, or its module is not loaded (modprobe fuse)",
                    kDevice);
    return fail_errno(errno, "{} can't be opened by this user", kDevice);
}

}  // namespace

void block_end_signals() {
    set_signals(SIG_BLOCK);
}

Result<std::unique_ptr<Mount>> Mount::mount(View& view, const MountSettings& settings) {
    TRY(check_device());
    auto options = libfuse_options(settings);
    std::string program = "mount.pmemckpt";
    char* argv[] = {program.data(), options.data(), nullptr};
    fuse_args arguments = FUSE_ARGS_INIT(2, argv);
    CapturedStderr captured;
    std::unique_ptr<Mount> mount(new Mount(
        fuse_session_new(&arguments, &operations(), sizeof(fuse_lowlevel_ops), &view), settings.unmounter));
    fuse_opt_free_args(&arguments);
    const bool good = mount->session_ && fuse_session_mount(mount->session_, settings.point.c_str()) == 0;
    const auto said = captured.restore();
    if (!good)
        return fail(ECANCELED, "can't mount on {}: {}", settings.point,
                    said.empty() ? "libfuse gave no reason" : said);
    mount->mounted_ = true;
    TRY(mount->shake_hands());
    raise_read_ahead(settings.point);
    return mount;
}

// INIT comes first, and the kernel sends nothing else before its answer.
Status Mount::shake_hands() {
    fuse_buf buffer{};
    const int got = fuse_session_receive_buf(session_, &buffer);
    const std::unique_ptr<void, Closer<std::free>> memory(buffer.mem);
    if (got <= 0)
        return fail(ECANCELED, "the mount was gone before it was up");
    fuse_session_process_buf(session_, &buffer);
    if (fuse_session_exited(session_))
        return fail(EPROTONOSUPPORT, "this kernel's FUSE protocol is not supported");
    return {};
}

// Who has unmounted it already may have mounted something else there.
bool Mount::is_mounted() const {
    pollfd device{fuse_session_fd(session_), 0, 0};
    return mounted_ && (::poll(&device, 1, 0) != 1 || (device.revents & POLLERR) == 0);
}

Mount::~Mount() {
    if (!session_)
        return;
    const bool mounted = is_mounted();
    if (mounted_ && !unmounter_)
        fuse_session_unmount(session_);
    fuse_session_destroy(session_);  // closes the device, or the end of the mount would wait for answers
    if (!mounted || !unmounter_)
        return;
    if (const auto gone = unmounter_->unmount(); !gone)
        log::warning("{}", gone.error().message);
}

Status Mount::run() {
    if (fuse_set_signal_handlers(session_) != 0)
        return fail(ECANCELED, "can't set signal handlers");
    set_signals(SIG_UNBLOCK);
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_clone_fd(config, 1);
    fuse_loop_cfg_set_max_threads(config, kMaximumThreads);
    const int result = fuse_session_loop_mt(session_, config);
    fuse_loop_cfg_destroy(config);
    fuse_remove_signal_handlers(session_);
    if (result < 0)
        return fail_errno(-result, "the file system's loop ended");
    return {};  // above 0: the signal that ended it
}

}  // namespace pmemckpt::view
