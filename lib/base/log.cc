#include "lib/base/log.hh"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <string>

namespace pmemckpt::log {

namespace {

std::atomic<Level> threshold{Level::notice};

}  // namespace

bool goes_to_journal() {
    static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
    return journal;
}

void set_level(Level level) {
    threshold = level;
}

bool enabled(Level level) {
    return level <= threshold.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view line) {
    if (!enabled(level))
        return;
    std::string text = goes_to_journal() ? fmt::format("<{}>", static_cast<int>(level))
                                         : fmt::format("{}: ", program_invocation_short_name);
    const auto head = text.size();
    text += line;
    std::replace_if(
        text.begin() + static_cast<std::ptrdiff_t>(head), text.end(),
        [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
    text += '\n';
    // Best effort: there is nowhere to report that stderr is gone.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace pmemckpt::log
