#include "utils/pmemckpt-ctl/progress.hh"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "lib/base/units.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::chrono::milliseconds kBetweenUpdates(100);
constexpr std::size_t kDefaultColumns = 80;
constexpr std::size_t kBarColumns = 12;
constexpr std::string_view kStartOfLine = "\r\033[K";

/// Best effort: nothing depends on the line being seen.
void put(std::string_view text) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

std::size_t columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kDefaultColumns;
}

std::string bar(double part) {
    const auto full = static_cast<std::size_t>(part * static_cast<double>(kBarColumns));
    return "[" + std::string(full, '#') + std::string(kBarColumns - full, '.') + "]";
}

std::string duration(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::min(seconds, 359'999.0));
    return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                        : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

Progress::Progress(std::string what, std::uint64_t total)
    : what_(std::move(what)),
      total_(total),
      shown_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
    if (shown_)
        put(kStartOfLine);
}

void Progress::advance(std::uint64_t bytes) {
    done_ += bytes;
    if (!shown_)
        return;
    const auto now = Clock::now();
    if (now - last_ < kBetweenUpdates)
        return;
    last_ = now;
    draw(now);
}

void Progress::draw(Clock::time_point now) {
    const auto seconds = std::max(std::chrono::duration<double>(now - start_).count(), 1e-3);
    const auto rate = static_cast<double>(done_) / seconds;
    auto line = fmt::format("{} {}", what_, format_size(done_));
    if (total_ > 0) {
        const auto part = std::min(static_cast<double>(done_) / static_cast<double>(total_), 1.0);
        line = fmt::format("{} {} {:3.0f}% {} of {}", what_, bar(part), part * 100, format_size(done_),
                           format_size(total_));
    }
    line += fmt::format(" {}/s", format_size(static_cast<std::uint64_t>(rate)));
    if (total_ > done_ && done_ > 0)
        line += fmt::format(" {} left", duration(static_cast<double>(total_ - done_) / rate));
    put(std::string(kStartOfLine) + line.substr(0, columns() - 1));
}

}  // namespace pmemckpt::ctl
