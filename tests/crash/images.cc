#include "tests/crash/images.hh"

#include <algorithm>
#include <cstring>
#include <vector>

namespace pmemckpt::crash {

namespace {

/// Which content each line has.
class Picker {
public:
    Picker(std::span<std::byte> memory, const OpenLines& lines) : memory_(memory) {
        for (const auto& [line, contents] : lines)
            lines_.push_back({line * kLineBytes, &contents});
    }

    std::size_t lines() const { return lines_.size(); }
    std::size_t contents(std::size_t line) const { return lines_[line].contents->size(); }
    std::uint64_t all_contents() const {
        std::uint64_t all = 0;
        for (std::size_t line = 0; line < lines(); ++line)
            all += contents(line);
        return all;
    }
    void put(std::size_t line, std::size_t content) {
        std::memcpy(memory_.data() + lines_[line].at, (*lines_[line].contents)[content].data(), kLineBytes);
    }
    void nothing(std::size_t line) { put(line, 0); }
    void everything(std::size_t line) { put(line, contents(line) - 1); }
    void nothing() {
        for (std::size_t line = 0; line < lines(); ++line)
            nothing(line);
    }
    void everything() {
        for (std::size_t line = 0; line < lines(); ++line)
            everything(line);
    }

    /// How many images there are; `limit` + 1 when they are more.
    std::uint64_t count(std::uint64_t limit) const {
        std::uint64_t images = 1;
        for (std::size_t line = 0; line < lines(); ++line) {
            if (images > limit / contents(line))
                return limit + 1;
            images *= contents(line);
        }
        return images;
    }

private:
    struct Line {
        std::uint64_t at;
        const Contents* contents;
    };
    std::span<std::byte> memory_;
    std::vector<Line> lines_;
};

std::uint64_t visit_all(Picker& picker, const std::function<void()>& visit) {
    std::vector<std::size_t> chosen(picker.lines(), 0);
    picker.nothing();
    for (std::uint64_t images = 1;; ++images) {
        visit();
        std::size_t line = 0;
        for (; line < chosen.size(); ++line) {
            chosen[line] = (chosen[line] + 1) % picker.contents(line);
            picker.put(line, chosen[line]);
            if (chosen[line] != 0)
                break;
        }
        if (line == chosen.size())
            return images;
    }
}

/// Each content of each line: beside nothing of the others, and beside all of them.
std::uint64_t visit_extremes(Picker& picker, std::uint64_t limit, const std::function<void()>& visit) {
    std::uint64_t images = 0, place = 0;
    const auto stride = divide_up(2 * picker.all_contents(), limit);
    for (const bool with_others : {false, true}) {
        with_others ? picker.everything() : picker.nothing();
        visit();
        ++images;
        for (std::size_t line = 0; line < picker.lines(); ++line) {
            for (std::size_t content = 0; content < picker.contents(line); ++content) {
                if (place++ % stride != 0)
                    continue;
                picker.put(line, content);
                visit();
                ++images;
            }
            with_others ? picker.everything(line) : picker.nothing(line);
        }
    }
    return images;
}

std::uint64_t visit_drawn(Picker& picker, std::uint64_t count, std::mt19937_64& generator,
                          const std::function<void()>& visit) {
    for (std::uint64_t image = 0; image < count; ++image) {
        for (std::size_t line = 0; line < picker.lines(); ++line)
            picker.put(line, generator() % picker.contents(line));
        visit();
    }
    return count;
}

}  // namespace

Visited for_each_image(std::span<std::byte> memory, const OpenLines& lines, std::uint64_t limit,
                       std::mt19937_64& generator, const std::function<void()>& visit) {
    Picker picker(memory, lines);
    Visited visited;
    visited.all = picker.count(limit) <= limit;
    if (visited.all) {
        visited.images = visit_all(picker, visit);
    } else {
        visited.images = visit_extremes(picker, limit, visit);
        const auto left = std::max(limit - std::min(limit, visited.images), limit / 4);
        visited.images += visit_drawn(picker, left, generator, visit);
    }
    picker.everything();
    return visited;
}

}  // namespace pmemckpt::crash
