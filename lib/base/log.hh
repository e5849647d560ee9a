#pragma once
// One line a message on stderr: with the journal's <N> priority prefix when stderr goes to the journal.
#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace pmemckpt::log {

enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// Nothing above `level` is printed; notice at the start.
void set_level(Level level);
bool enabled(Level level);
/// stderr is the journal's, as systemd says.
bool goes_to_journal();
/// Thread-safe; one write(2) a line; newlines and control characters in `line` are made harmless.
void write(Level level, std::string_view line);

template <class... A>
void error(fmt::format_string<A...> format, A&&... a) {
    write(Level::error, fmt::format(format, std::forward<A>(a)...));
}
template <class... A>
void warning(fmt::format_string<A...> format, A&&... a) {
    write(Level::warning, fmt::format(format, std::forward<A>(a)...));
}
template <class... A>
void notice(fmt::format_string<A...> format, A&&... a) {
    write(Level::notice, fmt::format(format, std::forward<A>(a)...));
}
template <class... A>
void info(fmt::format_string<A...> format, A&&... a) {
    if (enabled(Level::info))
        write(Level::info, fmt::format(format, std::forward<A>(a)...));
}
template <class... A>
void debug(fmt::format_string<A...> format, A&&... a) {
    if (enabled(Level::debug))
        write(Level::debug, fmt::format(format, std::forward<A>(a)...));
}

}  // namespace pmemckpt::log
