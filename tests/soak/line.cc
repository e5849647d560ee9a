#include "tests/soak/line.hh"

#include <limits.h>
#include <unistd.h>

#include <sstream>

namespace soak {

std::string Line::to_string() const {
    std::string line = verb;
    for (const auto number : numbers)
        line += ' ' + std::to_string(number);
    return text.empty() ? line : line + " : " + text;
}

Line parse_line(const std::string& line) {
    Line parsed;
    const auto colon = line.find(" : ");
    if (colon != std::string::npos)
        parsed.text = line.substr(colon + 3);
    std::istringstream words(line.substr(0, colon));
    words >> parsed.verb;
    for (std::uint64_t number = 0; words >> number;)
        parsed.numbers.push_back(number);
    return parsed;
}

void say(const std::string& verb, std::initializer_list<std::uint64_t> numbers, const std::string& text) {
    auto line = Line{verb, numbers, text}.to_string();
    line.resize(std::min<std::size_t>(line.size(), PIPE_BUF - 1));
    line += '\n';
    if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        ::_exit(1);
}

}  // namespace soak
