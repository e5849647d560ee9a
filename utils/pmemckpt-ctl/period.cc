#include "utils/pmemckpt-ctl/period.hh"

#include <algorithm>
#include <cerrno>
#include <thread>

#include "utils/pmemckpt-ctl/duration.hh"

namespace pmemckpt::ctl {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kShortest = 1s;
constexpr std::chrono::nanoseconds kLongest = 365 * 24h;
/// How soon the end of a connection is noticed.
constexpr std::chrono::nanoseconds kLook = 100ms;

}  // namespace

Result<Period> Period::parse(std::string_view text) {
    const std::chrono::nanoseconds length(TRY(parse_duration(text)));
    if (length < kShortest || length > kLongest)
        return fail(ERANGE, "\"{}\" is no period: from {} to {} can be had", text,
                    format_duration(kShortest.count()), format_duration(kLongest.count()));
    return Period(length);
}

Status Period::wait(const client::Client& client) {
    for (;;) {
        TRY(client.state());
        const auto now = Clock::now();
        if (now >= next_)
            break;
        std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(next_ - now, kLook));
    }
    next_ = std::max(next_ + length_, Clock::now());
    return {};
}

}  // namespace pmemckpt::ctl
