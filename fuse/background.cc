#include "fuse/background.hh"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>

#include "lib/base/exit_status.hh"
#include "lib/base/handle.hh"
#include "lib/base/log.hh"

namespace pmemckpt::view {

namespace {

// All have one priority: that of a line is not in it.
void pass_to_syslog(FileDescriptor from) {
    ::openlog(nullptr, LOG_PID, LOG_DAEMON);
    std::string line;
    char bytes[4096];
    for (ssize_t got; (got = ::read(from.get(), bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR);)
        for (ssize_t i = 0; i < got; ++i)
            if (bytes[i] != '\n') {
                line += bytes[i];
            } else {
                ::syslog(LOG_NOTICE, "%s", line.c_str());
                line.clear();
            }
}

/// stdin and stdout closed, stderr a pipe whose lines go to syslog(3). A full pipe loses lines and blocks
/// nobody.
class Detached {
public:
    Status leave_terminal() {
        if (auto closed = close_streams(); !closed)
            return closed;
        if (::chdir("/") != 0)
            return fail_errno(errno, "chdir to /");
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            return fail_errno(errno, "pipe");
        FileDescriptor out(ends[0]);
        const FileDescriptor in(ends[1]);
        if (::fcntl(in.get(), F_SETFL, O_NONBLOCK) != 0 || ::dup2(in.get(), STDERR_FILENO) < 0)
            return fail_errno(errno, "can't redirect stderr");
        passing_ = std::jthread(pass_to_syslog, std::move(out));
        return {};
    }
    /// The last line is passed on before the process ends.
    ~Detached() {
        if (passing_.joinable())
            ::dup2(STDOUT_FILENO, STDERR_FILENO);
    }

private:
    static Status close_streams() {
        const FileDescriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
        if (!nothing || ::dup2(nothing.get(), STDIN_FILENO) < 0 || ::dup2(nothing.get(), STDOUT_FILENO) < 0)
            return fail_errno(errno, "/dev/null");
        return {};
    }
    std::jthread passing_;
};

// What goes through the pipe: an exit status, and the error's sentence.
struct Outcome {
    int status = kExitFailure;
    std::string message;
};

Status write_outcome(int pipe, const Outcome& outcome) {
    std::string bytes(1, static_cast<char>(outcome.status));
    bytes += outcome.message;
    for (std::size_t done = 0; done < bytes.size();) {
        const auto wrote = ::write(pipe, bytes.data() + done, bytes.size() - done);
        if (wrote < 0 && errno != EINTR)
            return fail_errno(errno, "the process that waited for the mount is gone");
        done += wrote > 0 ? static_cast<std::size_t>(wrote) : 0;
    }
    return {};
}

Outcome read_outcome(int pipe) {
    std::string bytes;
    char part[512];
    for (ssize_t got; (got = ::read(pipe, part, sizeof part)) > 0 || (got < 0 && errno == EINTR);)
        bytes.append(part, got > 0 ? static_cast<std::size_t>(got) : 0);
    if (bytes.empty())
        return {kExitFailure, "the mount's process ended before the mount was up"};
    return {bytes[0], bytes.substr(1)};
}

int run_child(FileDescriptor pipe, const std::function<Status(const Announce&)>& serve) {
    ::setsid();
    std::signal(SIGPIPE, SIG_IGN);
    // No file of the caller's stays open, or its pipes would not end.
    if (pipe.get() > 3)
        ::close_range(3, static_cast<unsigned>(pipe.get()) - 1, 0);
    ::close_range(static_cast<unsigned>(pipe.get()) + 1, ~0U, 0);
    Detached detached;
    const auto served = serve([&]() -> Status {
        TRY(write_outcome(pipe.get(), {kExitSuccess, ""}));
        pipe.reset();
        return detached.leave_terminal();
    });
    if (served)
        return kExitSuccess;
    if (!pipe)
        return report(served.error());
    const int status = exit_status(served.error().code);
    // Without a reader nobody wants to know.
    [[maybe_unused]] const auto told = write_outcome(pipe.get(), {status, served.error().message});
    return status;
}

}  // namespace

int report(const Error& error) {
    log::error("{}", error.message);
    return exit_status(error.code);
}

int run_in_background(const std::function<Status(const Announce&)>& serve) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return report(system_error(errno, "pipe"));
    FileDescriptor out(ends[0]), in(ends[1]);
    const pid_t child = ::fork();
    if (child < 0)
        return report(system_error(errno, "fork"));
    if (child == 0) {
        out.reset();
        return run_child(std::move(in), serve);
    }
    in.reset();
    const auto outcome = read_outcome(out.get());
    if (outcome.status == kExitSuccess)
        return kExitSuccess;
    ::waitpid(child, nullptr, 0);  // nothing of it is left when the caller goes on
    log::write(log::Level::error, outcome.message);
    return outcome.status;
}

}  // namespace pmemckpt::view
