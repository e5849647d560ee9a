#include "tests/hostile/manager_process.hh"

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/check.hh"

namespace pmemckpt::hostile {

namespace {

constexpr auto kLogTime = std::chrono::seconds(5);

}  // namespace

bool ManagerProcess::lives() const {
    std::ifstream status(fmt::format("/proc/{}/status", pid_));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("State:"))
            return line.find('Z') == std::string::npos;
    return false;
}

std::size_t ManagerProcess::descriptors() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid_)))
        ++count;
    return count;
}

std::uint64_t ManagerProcess::own_memory() const {
    std::ifstream status(fmt::format("/proc/{}/status", pid_));
    for (std::string word; status >> word;)
        if (word == "RssAnon:") {
            std::uint64_t kilobytes = 0;
            status >> kilobytes;
            return kilobytes * 1024;
        }
    throw test::Failure("the manager has no memory: it is gone");
}

std::size_t ManagerProcess::log_size() const {
    return std::filesystem::file_size(log_);
}

std::string ManagerProcess::log_from(std::size_t from) const {
    std::ifstream file(log_, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(from));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool ManagerProcess::has_logged(const std::string& text, std::size_t from) const {
    const auto end = std::chrono::steady_clock::now() + kLogTime;
    while (log_from(from).find(text) == std::string::npos) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace pmemckpt::hostile
