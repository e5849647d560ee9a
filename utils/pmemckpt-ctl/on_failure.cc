#include "utils/pmemckpt-ctl/on_failure.hh"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

namespace pmemckpt::ctl {

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

/// Which file and which signals the command starts with.
class Start {
public:
    Start() {
        ::posix_spawn_file_actions_init(&files_);
        ::posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&files_, STDERR_FILENO, STDOUT_FILENO);
        ::posix_spawnattr_init(&attributes_);
        sigset_t signals;
        ::sigemptyset(&signals);
        ::posix_spawnattr_setsigmask(&attributes_, &signals);
        ::sigaddset(&signals, SIGPIPE);  // ignored here
        ::posix_spawnattr_setsigdefault(&attributes_, &signals);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    Start(const Start&) = delete;
    Start& operator=(const Start&) = delete;
    ~Start() {
        ::posix_spawnattr_destroy(&attributes_);
        ::posix_spawn_file_actions_destroy(&files_);
    }
    const posix_spawn_file_actions_t* files() const { return &files_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
    posix_spawn_file_actions_t files_{};
    posix_spawnattr_t attributes_{};
};

/// So that a pmemckpt-ctl in the command asks the same manager, as the same principal.
Variables variables_of(const client::Options& connection) {
    Variables all{{"PMEMCKPT_SERVER", connection.server},
                  {"PMEMCKPT_POOL", connection.pool},
                  {"PMEMCKPT_PRINCIPAL", connection.principal},
                  {"PMEMCKPT_KEY_DIR", connection.key_dir},
                  {"PMEMCKPT_TRANSPORT", connection.transport}};
    std::erase_if(all, [](const auto& variable) { return variable.second.empty(); });
    return all;
}

/// This process's environment with `added` in place of what has their names.
std::vector<std::string> environment_with(const Variables& added) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text(*entry);
        const auto name = text.substr(0, text.find('='));
        bool replaced = false;
        for (const auto& variable : added)
            replaced = replaced || variable.first == name;
        if (!replaced)
            all.emplace_back(text);
    }
    for (const auto& [name, value] : added)
        all.push_back(name + "=" + value);
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (auto& text : texts)
        all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

Status wait_for_end(pid_t process) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return fail_errno(errno, "can't wait for the command of --on-failure");
    if (WIFSIGNALED(status))
        return fail(ECANCELED, "the command of --on-failure was ended by signal {}", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return fail(ECANCELED, "the command of --on-failure ended with exit status {}", WEXITSTATUS(status));
    return {};
}

}  // namespace

Status run_on_failure(const std::string& command, const std::string& region, const std::string& event,
                      const client::Options& connection) {
    auto variables = variables_of(connection);
    variables.emplace_back("PMEMCKPT_REGION", region);
    variables.emplace_back("PMEMCKPT_EVENT", event);
    auto environment = environment_with(variables);
    std::vector<std::string> words{"sh", "-c", command};
    const Start start;
    pid_t process = 0;
    const auto code = ::posix_spawn(&process, "/bin/sh", start.files(), start.attributes(),
                                    pointers(words).data(), pointers(environment).data());
    if (code != 0)
        return fail_errno(code, "can't run the command of --on-failure");
    return wait_for_end(process);
}

}  // namespace pmemckpt::ctl
