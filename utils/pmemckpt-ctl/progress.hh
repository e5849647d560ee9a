#pragma once
// How far a transfer is, on stderr when that is a terminal; silent otherwise.
#include <chrono>
#include <cstdint>
#include <string>

namespace pmemckpt::ctl {

class Progress {
public:
    /// total 0: not known.
    Progress(std::string what, std::uint64_t total);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    /// Wipes the line.
    ~Progress();
    void advance(std::uint64_t bytes);

private:
    using Clock = std::chrono::steady_clock;
    void draw(Clock::time_point now);

    const std::string what_;
    const std::uint64_t total_;
    const bool shown_;
    std::uint64_t done_ = 0;
    Clock::time_point start_, last_;
};

}  // namespace pmemckpt::ctl
