#pragma once
// A process that the supervisor started: its orders, its lines, its end. It dies with the thread that started
// it.
#include <sys/types.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/soak/line.hh"

namespace soak {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

class Child {
public:
    /// Its messages go to `log`. With `talks` false, so does its output, and it gets no orders.
    /// `environment` is NAME=VALUE, besides the supervisor's own.
    Child(std::string name, const std::vector<std::string>& command,
          const std::vector<std::string>& environment, const fs::path& log, bool talks);
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    const std::string& name() const { return name_; }
    int output() const { return output_; }  ///< -1: none
    void order(const std::string& line);
    /// What it has written, and it wakes nobody: into `lines`.
    void drain();
    std::deque<Line> lines;

    /// SIGKILL, unless it has ended; on return it is no more, and all it wrote is in `lines`.
    void kill();
    void signal(int number);
    /// Its wait status, when it has ended; all it wrote is in `lines`.
    std::optional<int> ended();
    /// Throws Failure when it has not ended by then.
    int wait(std::chrono::seconds limit);
    Clock::time_point heard() const { return heard_; }
    Clock::time_point started() const { return started_; }

private:
    void reaped(int status);

    std::string name_;
    pid_t pid_ = -1;
    int input_ = -1, output_ = -1;
    std::string partial_;
    std::optional<int> status_;
    Clock::time_point started_ = Clock::now(), heard_ = started_;
};

/// "exit status 6", "signal 11".
std::string end_text(int status);
bool exited_with(int status, int wanted);

}  // namespace soak
