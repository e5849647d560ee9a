#pragma once
// What the supervisor says to a process, on its standard input.
#include <optional>
#include <string>

#include "tests/soak/line.hh"

namespace soak {

class Orders {
public:
    /// Waits at most so long (-1: without end). Ends the process when the supervisor is gone.
    std::optional<Line> next(int wait_ms);

private:
    std::string read_;
};

}  // namespace soak
