#pragma once
// Ctrl-C, SIGTERM and SIGHUP while something is under way that must be taken back elsewhere before the end.
#include <signal.h>

#include <array>
#include <cstddef>

#include "lib/base/result.hh"

namespace pmemckpt::ctl {

/// One at a time. The first signal is noted, a second one ends the program at once. At this one's end the
/// program ends by the signal that was noted.
class Interrupt {
public:
    Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    ~Interrupt();
    /// EINTR when a signal was noted.
    Status check() const;

private:
    static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
    std::array<struct sigaction, kSignals.size()> before_{};
};

}  // namespace pmemckpt::ctl
