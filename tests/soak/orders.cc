#include "tests/soak/orders.hh"

#include <poll.h>
#include <unistd.h>

namespace soak {

std::optional<Line> Orders::next(int wait_ms) {
    for (;;) {
        if (const auto end = read_.find('\n'); end != std::string::npos) {
            const auto line = read_.substr(0, end);
            read_.erase(0, end + 1);
            return parse_line(line);
        }
        pollfd input{STDIN_FILENO, POLLIN, 0};
        if (::poll(&input, 1, wait_ms) <= 0)
            return std::nullopt;
        char bytes[512];
        const auto size = ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (size <= 0)
            ::_exit(0);
        read_.append(bytes, static_cast<std::size_t>(size));
    }
}

}  // namespace soak
