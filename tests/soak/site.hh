#pragma once
// Where a world is: its folder, its programs, its address, and how its processes are started.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/soak/child.hh"
#include "tests/soak/settings.hh"

namespace soak {

struct Site {
    fs::path directory;
    fs::path self;  ///< this program
    std::string host = "127.0.0.1";
    unsigned port = 0;
    unsigned slowness = 1;  ///< all limits of time are so much longer

    std::string server() const { return host + ":" + std::to_string(port); }
    fs::path pool() const { return directory / "pool"; }
    fs::path mount_point() const { return directory / "ckpt"; }
    std::chrono::seconds limit(int seconds) const { return std::chrono::seconds(seconds) * slowness; }

    std::unique_ptr<Child> start(const std::string& name, const std::vector<std::string>& command,
                                 bool talks) const;
    /// This program in one of its other roles.
    std::unique_ptr<Child> start_role(const std::string& role, const std::string& name,
                                      const Settings& settings) const;
    /// What it has printed last, in words.
    std::string last_words(const std::string& name) const;
    /// Runs it to its end; throws Failure when its status is not 0, or `also`. Its output.
    std::string run(const std::vector<std::string>& command, int also = 0) const;
};

/// One that nobody listens at, and that no outgoing connection gets.
unsigned free_port(std::uint64_t seed);

}  // namespace soak
