#include "driver/main_loop.hh"

#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <thread>

#include "driver/admin_place.hh"
#include "driver/confine.hh"
#include "driver/manager.hh"
#include "driver/options.hh"
#include "lib/base/exit_status.hh"
#include "lib/base/handle.hh"
#include "lib/base/log.hh"

namespace pmemckpt::driver {

namespace {

/// Before any thread is made, so that none takes them.
Result<FileDescriptor> take_signals() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error with a sentence
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        ::sigaddset(&signals, number);
    if (const int code = ::pthread_sigmask(SIG_BLOCK, &signals, nullptr); code != 0)
        return fail_errno(code, "can't block signals");
    FileDescriptor source(::signalfd(-1, &signals, SFD_CLOEXEC));
    if (!source)
        return fail_errno(errno, "can't make a signalfd");
    return source;
}

/// Connections are descriptors, and what a shell allows at first is fewer than clients may have: as many as
/// the system lets this process have.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log::warning("{}", system_error(errno, "can't raise the limit of descriptors").message);
}

Result<unsigned> next_signal(const FileDescriptor& source) {
    signalfd_siginfo info{};
    for (;;) {
        const auto got = ::read(source.get(), &info, sizeof info);
        if (got == static_cast<ssize_t>(sizeof info))
            return info.ssi_signo;
        if (got >= 0 || errno != EINTR)
            return fail_errno(got < 0 ? errno : EIO, "can't read signals");
    }
}

long long monotonic_us() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

void tell_ready(const Manager& manager) {
    std::string places;
    for (const auto& address : manager.addresses())
        places += (places.empty() ? "" : ", ") + format_address(address);
    ::sd_notifyf(0, "READY=1\nSTATUS=listening on %s", places.c_str());
}

bool is_of_rights(const Error& error) {
    return error.code == EACCES || error.code == EPERM;
}

/// What stays from the start to the end.
struct Running {
    Manager& manager;
    const Confinement& confinement;
    const std::string& usual_admin_socket;  ///< empty when another place is named, or there is none
};

Status read_again(const Running& running, int argc, const char* const* argv) {
    auto config = *TRY(parse_options(argc, argv)).config;
    if (config.admin_socket.empty())
        config.admin_socket = running.usual_admin_socket;
    return running.manager.reload(config);
}

// What is wrong in the new configuration leaves the old one in force.
void reload(const Running& running, int argc, const char* const* argv) {
    ::sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the configuration", monotonic_us());
    const auto again = read_again(running, argc, argv);
    if (again)
        log::notice("the configuration was read again");
    else
        log::error("the configuration stays as it was: {}{}", again.error().message,
                   is_of_rights(again.error()) ? running.confinement.what_is_given_up() : std::string());
    tell_ready(running.manager);
}

// The pool's journal makes that safe at any moment.
[[noreturn]] void end_at_once(const char* why) {
    log::warning("{}; ending at once: what was not sealed is gone, what was sealed is safe", why);
    ::_exit(kExitFailure);
}

/// Never returns when it is told twice, or when requests run on after the limit.
void stop(Manager& manager, const FileDescriptor& signals) {
    ::sd_notify(0, "STOPPING=1\nSTATUS=finishing what has begun");
    log::notice("stopping");
    // It waits for signals till the process ends; nobody needs to wake it.
    std::thread([copy = FileDescriptor(::dup(signals.get()))] {
        while (const auto signal = next_signal(copy))
            if (*signal != SIGHUP)
                end_at_once("a second signal came");
    }).detach();
    if (const auto stopped = manager.stop(); !stopped)
        end_at_once(stopped.error().message.c_str());
}

Result<std::string> make_usual_admin_socket(const Config& config) {
    const auto peers = TRY(find_admin_peers(config));
    return make_admin_place(peers);
}

}  // namespace

Status run(int argc, const char* const* argv) {
    const auto started = TRY(parse_options(argc, argv));
    if (!started.config) {
        if (std::fputs(started.text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
            return fail_errno(errno, "can't write to standard output");
        return {};
    }
    auto config = *started.config;
    const auto signals = TRY(take_signals());
    raise_descriptor_limit();
    const auto confinement = TRY(Confinement::prepare(config));
    std::string usual_admin_socket;
    if (config.admin_socket.empty())
        config.admin_socket = usual_admin_socket = TRY(make_usual_admin_socket(config));
    const auto manager = TRY(Manager::start(config, [&] { return confinement.enter(); }));
    if (config.admin_socket.empty())
        log::notice("there is no admin socket: name one with --admin-socket, or set XDG_RUNTIME_DIR");
    tell_ready(*manager);
    const Running running{*manager, confinement, usual_admin_socket};
    for (;;) {
        if (TRY(next_signal(signals)) != SIGHUP)
            break;
        reload(running, argc, argv);
    }
    stop(*manager, signals);
    return {};
}

}  // namespace pmemckpt::driver
