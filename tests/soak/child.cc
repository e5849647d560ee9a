#include "tests/soak/child.hh"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "tests/soak/failure.hh"

namespace soak {

namespace {

constexpr off_t kLogLimit = 1 << 20;  // a log is begun anew at the next start when it is longer
constexpr std::chrono::milliseconds kLookForEnd{2};

struct Pipe {
    int read = -1, write = -1;
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            fail("no pipe: {}", std::strerror(errno));
        read = ends[0];
        write = ends[1];
    }
};

int open_log(const fs::path& log) {
    const int descriptor = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (descriptor < 0)
        fail("{}: {}", log.string(), std::strerror(errno));
    if (::lseek(descriptor, 0, SEEK_END) > kLogLimit && ::ftruncate(descriptor, 0) != 0)
        fail("{}: {}", log.string(), std::strerror(errno));
    return descriptor;
}

/// Its words, as exec wants them.
class Words {
public:
    explicit Words(const std::vector<std::string>& words) {
        for (const auto& word : words)
            pointers_.push_back(const_cast<char*>(word.c_str()));
        pointers_.push_back(nullptr);
    }
    char* const* get() const { return pointers_.data(); }

private:
    std::vector<char*> pointers_;
};

/// The supervisor's own, but for what is added: a shell takes the last of two with one name, getenv(3) the
/// first.
std::vector<std::string> whole_environment(const std::vector<std::string>& added) {
    const auto name_of = [](const std::string& word) { return word.substr(0, word.find('=')); };
    auto all = added;
    for (char** word = environ; *word; ++word)
        if (std::none_of(added.begin(), added.end(),
                         [&](const std::string& one) { return name_of(one) == name_of(*word); }))
            all.emplace_back(*word);
    return all;
}

/// After fork: nothing here allocates.
[[noreturn]] void run(const Words& command, const Words& environment, pid_t parent, int input, int output,
                      int log) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setpgid(0, 0);  // Ctrl-C is for the supervisor
    ::signal(SIGPIPE, SIG_DFL);
    if (::getppid() == parent && ::dup2(input, 0) >= 0 && ::dup2(output, 1) >= 0 && ::dup2(log, 2) >= 0)
        ::execvpe(command.get()[0], command.get(), environment.get());
    ::_exit(127);
}

}  // namespace

Child::Child(std::string name, const std::vector<std::string>& command,
             const std::vector<std::string>& environment, const fs::path& log, bool talks)
    : name_(std::move(name)) {
    const int log_descriptor = open_log(log);
    int child_input = -1, child_output = log_descriptor;
    if (talks) {
        const Pipe down, up;
        child_input = down.read, input_ = down.write;
        child_output = up.write, output_ = up.read;
        ::fcntl(output_, F_SETFL, O_NONBLOCK);
    } else {
        child_input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    const Words words(command);
    const auto variables = whole_environment(environment);
    const Words variable_words(variables);
    const auto parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0)
        run(words, variable_words, parent, child_input, child_output, log_descriptor);
    ::close(child_input);
    ::close(log_descriptor);
    if (talks)
        ::close(child_output);
    if (pid_ < 0)
        fail("no process for {}: {}", name_, std::strerror(errno));
}

Child::~Child() {
    kill();
    ::close(input_);
    ::close(output_);
}

void Child::order(const std::string& line) {
    const auto text = line + "\n";
    // To one that has just ended: its end is seen soon.
    static_cast<void>(::write(input_, text.data(), text.size()) < 0);
}

void Child::drain() {
    char bytes[65536];
    for (;;) {
        const auto size = output_ < 0 ? 0 : ::read(output_, bytes, sizeof bytes);
        if (size <= 0)
            return;
        heard_ = Clock::now();
        partial_.append(bytes, static_cast<std::size_t>(size));
        std::size_t from = 0;
        for (auto end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n', from)) {
            lines.push_back(parse_line(partial_.substr(from, end - from)));
            from = end + 1;
        }
        partial_.erase(0, from);
    }
}

void Child::reaped(int status) {
    status_ = status;
    drain();
}

void Child::kill() {
    if (status_ || pid_ <= 0)
        return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped(status);
}

void Child::signal(int number) {
    if (!status_)
        ::kill(pid_, number);
}

std::optional<int> Child::ended() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
        reaped(status);
    return status_;
}

int Child::wait(std::chrono::seconds limit) {
    const auto end = Clock::now() + limit;
    while (!ended()) {
        drain();
        if (Clock::now() > end)
            fail("{} has not ended within {} s", name_, limit.count());
        std::this_thread::sleep_for(kLookForEnd);
    }
    return *status_;
}

std::string end_text(int status) {
    return WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                               : fmt::format("exit status {}", WEXITSTATUS(status));
}

bool exited_with(int status, int wanted) {
    return WIFEXITED(status) && WEXITSTATUS(status) == wanted;
}

}  // namespace soak
