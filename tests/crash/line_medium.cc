#include "tests/crash/line_medium.hh"

#include <algorithm>
#include <cstring>
#include <set>

namespace pmemckpt::crash {

namespace {

constexpr std::size_t kWordBytes = 8;

/// [from, to) of a line, cut at its words.
struct Words {
    std::size_t from, to;
    std::size_t begin(std::size_t word) const { return std::max(from, word * kWordBytes); }
    std::size_t end(std::size_t word) const { return std::min(to, (word + 1) * kWordBytes); }
    std::size_t first() const { return from / kWordBytes; }
    std::size_t last() const { return divide_up(to, kWordBytes); }
};

void copy_word(LineBytes& to, const LineBytes& from, const Words& words, std::size_t word) {
    std::copy(from.begin() + static_cast<std::ptrdiff_t>(words.begin(word)),
              from.begin() + static_cast<std::ptrdiff_t>(words.end(word)),
              to.begin() + static_cast<std::ptrdiff_t>(words.begin(word)));
}

/// Each content once.
class Adder {
public:
    explicit Adder(Contents& contents) : contents_(contents), known_(contents.begin(), contents.end()) {}
    void add(const LineBytes& content) {
        if (known_.insert(content).second)
            contents_.push_back(content);
    }

private:
    Contents& contents_;
    std::set<LineBytes> known_;
};

/// From the last content to `after`, one word after the other.
void add_in_order(Contents& contents, const LineBytes& after, const Words& words) {
    auto forwards = contents.back(), backwards = forwards;
    Adder adder(contents);
    for (auto word = words.first(); word < words.last(); ++word) {
        copy_word(forwards, after, words, word);
        adder.add(forwards);
    }
    for (auto word = words.last(); word-- > words.first();) {
        copy_word(backwards, after, words, word);
        adder.add(backwards);
    }
}

/// Each content that there may be now, with any of the new words.
void add_in_any_order(Contents& contents, const LineBytes& after, const Words& words) {
    Adder adder(contents);
    for (auto word = words.first(); word < words.last(); ++word) {
        const auto count = contents.size();
        for (std::size_t i = 0; i < count; ++i) {
            auto content = contents[i];
            copy_word(content, after, words, word);
            adder.add(content);
        }
    }
}

/// What is persistent stays the first, even when the same is stored again.
void make_last(Contents& contents, const LineBytes& content) {
    const auto found = std::find(contents.begin() + 1, contents.end(), content);
    if (found == contents.end())
        contents.push_back(content);
    else
        std::rotate(found, found + 1, contents.end());
}

template <class Each>
void for_each_line(Extent extent, const Each& each) {
    if (extent.size.bytes == 0)
        return;
    const auto last = (extent.at.bytes + extent.size.bytes - 1) / kLineBytes;
    for (auto line = extent.at.bytes / kLineBytes; line <= last; ++line)
        each(line);
}

}  // namespace

LineBytes LineMedium::content(std::uint64_t line) const {
    LineBytes bytes;
    std::memcpy(bytes.data(), memory_.data() + line * kLineBytes, kLineBytes);
    return bytes;
}

void LineMedium::put_in_line(std::uint64_t line, std::size_t from, std::span<const std::byte> bytes,
                             Order order) {
    const auto before = content(line);
    auto after = before;
    std::ranges::copy(bytes, after.begin() + static_cast<std::ptrdiff_t>(from));
    if (after == before)
        return;
    const Words words{from, from + bytes.size()};
    recorded_.stores += words.last() - words.first();
    first_.emplace(line, before);
    auto& contents = open_.try_emplace(line, Contents{before}).first->second;
    require(contents.back() == before, "every store to a recording medium goes through it");
    if (order == Order::any)
        add_in_any_order(contents, after, words);
    else
        add_in_order(contents, after, words);
    make_last(contents, after);
    std::memcpy(memory_.data() + line * kLineBytes, after.data(), kLineBytes);
}

void LineMedium::put(Offset at, std::span<const std::byte> bytes, Order order) {
    require(fits({at, {bytes.size()}}, {memory_.size()}), "a store lies within its medium");
    for (auto place = at.bytes; !bytes.empty();) {
        const auto from = place % kLineBytes;
        const auto here = std::min(kLineBytes - from, bytes.size());
        put_in_line(place / kLineBytes, from, bytes.first(here), order);
        place += here;
        bytes = bytes.subspan(here);
    }
}

void LineMedium::store(Offset at, std::span<const std::byte> bytes) {
    put(at, bytes, Order::either_direction);
}

void LineMedium::arrive(Offset at, std::span<const std::byte> bytes) {
    put(at, bytes, Order::any);
}

Status LineMedium::blank(Extent extent) {
    constexpr LineBytes kZeros{};
    require(fits(extent, {memory_.size()}), "what is blanked lies within the medium");
    for (auto [place, left] = std::pair(extent.at.bytes, extent.size.bytes); left > 0;) {
        const auto from = place % kLineBytes;
        const auto here = std::min<std::uint64_t>(kLineBytes - from, left);
        put_in_line(place / kLineBytes, from, std::span(kZeros).first(here), Order::either_direction);
        place += here;
        left -= here;
    }
    return {};
}

void LineMedium::make_persistent(Extent extent) {
    for_each_line(extent, [&](std::uint64_t line) { recorded_.flushes += open_.erase(line); });
    ++recorded_.fences;
}

Status LineMedium::persist(Extent extent) {
    require(fits(extent, {memory_.size()}), "a persist lies within the medium");
    if (before_persist)
        before_persist(extent);
    for (const auto& real : effect ? effect(extent) : std::vector{extent})
        make_persistent(real);
    if (after_persist)
        after_persist(extent);
    return {};
}

void LineMedium::revert() {
    for (const auto& [line, bytes] : first_)
        std::memcpy(memory_.data() + line * kLineBytes, bytes.data(), kLineBytes);
    first_.clear();
    open_.clear();
}

std::vector<std::uint64_t> LineMedium::lines_changed_behind_its_back(
    std::span<const std::byte> at_the_start) const {
    std::vector<std::uint64_t> changed;
    for (std::uint64_t line = 0; line < memory_.size() / kLineBytes; ++line)
        if (!first_.contains(line) && std::memcmp(memory_.data() + line * kLineBytes,
                                                  at_the_start.data() + line * kLineBytes, kLineBytes) != 0)
            changed.push_back(line);
    return changed;
}

}  // namespace pmemckpt::crash
