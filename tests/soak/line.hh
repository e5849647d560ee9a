#pragma once
// What a process tells the supervisor: a line of a verb, numbers and perhaps a text, in one write(2). A line
// that was written before the writer was killed is read all the same.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace soak {

struct Line {
    std::string verb;
    std::vector<std::uint64_t> numbers;
    std::string text;  ///< what follows " : "

    /// 0 when there are not so many.
    std::uint64_t operator[](std::size_t at) const { return at < numbers.size() ? numbers[at] : 0; }
    std::string to_string() const;
};

Line parse_line(const std::string& line);
/// Writes it to standard output; ends the process when nobody reads.
void say(const std::string& verb, std::initializer_list<std::uint64_t> numbers, const std::string& text = {});

}  // namespace soak
