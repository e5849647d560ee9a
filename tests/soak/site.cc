#include "tests/soak/site.hh"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/soak/failure.hh"
#include "tests/soak/random.hh"

namespace soak {

namespace {

// Below what Linux gives to outgoing connections.
constexpr std::uint64_t kFirstPort = 20'000;
constexpr std::uint64_t kLastPort = 32'000;
constexpr int kPortAttempts = 100;
constexpr int kRunLimit = 120;

bool is_free(unsigned port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    return free;
}

std::string content_of(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

}  // namespace

std::unique_ptr<Child> Site::start(const std::string& name, const std::vector<std::string>& command,
                                   bool talks) const {
    const std::vector<std::string> environment = {"PMEMCKPT_SERVER=" + server(),
                                                  "PMEMCKPT_KEY_DIR=" + (directory / "keys").string(),
                                                  "PMEMCKPT_PRINCIPAL=soak", "PMEMCKPT_POOL=pool"};
    return std::make_unique<Child>(name, command, environment, directory / (name + ".log"), talks);
}

std::unique_ptr<Child> Site::start_role(const std::string& role, const std::string& name,
                                        const Settings& settings) const {
    std::vector<std::string> command = {self.string(), role};
    for (const auto& word : settings.words())
        command.push_back(word);
    return start(name, command, true);
}

std::string Site::last_words(const std::string& name) const {
    std::ifstream log(directory / (name + ".log"));
    std::string last = "nothing";
    for (std::string line; std::getline(log, line);)
        last = line;
    return last;
}

std::string Site::run(const std::vector<std::string>& command, int also) const {
    const auto output = directory / "command.log";
    fs::remove(output);
    const int status = start("command", command, false)->wait(limit(kRunLimit));
    if (!exited_with(status, 0) && !exited_with(status, also))
        fail("{} {}: {}: {}", command[0], command[1], end_text(status), content_of(output));
    return content_of(output);
}

unsigned free_port(std::uint64_t seed) {
    Random random(seed);
    for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
        const auto port = static_cast<unsigned>(random.between(kFirstPort, kLastPort));
        if (is_free(port))
            return port;
    }
    fail("no free port in {} to {}, at {} attempts", kFirstPort, kLastPort, kPortAttempts);
}

}  // namespace soak
