#pragma once
// When to look again, for what is done every so often.
#include <chrono>
#include <string_view>

#include "lib/base/result.hh"
#include "lib/client/client.hh"

namespace pmemckpt::ctl {

/// Points in time, equally far apart, the first one a period from now. Those that pass while something else
/// is done are not made up for.
class Period {
public:
    /// "10s": from a second to 365 days. EINVAL, ERANGE.
    static Result<Period> parse(std::string_view text);
    /// Sleeps until the next one, or as long as the connection lives: then its error.
    Status wait(const client::Client& client);

private:
    using Clock = std::chrono::steady_clock;
    explicit Period(std::chrono::nanoseconds length) : length_(length), next_(Clock::now() + length) {}

    std::chrono::nanoseconds length_;
    Clock::time_point next_;
};

}  // namespace pmemckpt::ctl
