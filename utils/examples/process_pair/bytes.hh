#pragma once
// Numbers and text as they lie in a region: fixed width, little-endian, whatever the machine.
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace process_pair {

/// What was read is not what this program writes.
struct WrongContent : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

class Packer {
public:
    template <class Number>
    void put(Number number) {
        static_assert(std::is_integral_v<Number>);
        const auto value = static_cast<std::make_unsigned_t<Number>>(number);
        for (std::size_t byte = 0; byte < sizeof value; ++byte)
            bytes_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * byte)));
    }
    /// In `room` bytes, the rest of them 0.
    void put_text(std::string_view text, std::size_t room) {
        if (text.size() > room)
            throw std::length_error("\"" + std::string(text) + "\" has more than " + std::to_string(room) +
                                    " bytes");
        bytes_.append(text).append(room - text.size(), '\0');
    }
    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

class Unpacker {
public:
    explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

    template <class Number>
    Number get() {
        static_assert(std::is_integral_v<Number>);
        const auto part = take(sizeof(Number));
        std::uint64_t value = 0;
        for (std::size_t byte = 0; byte < sizeof(Number); ++byte)
            value |= std::uint64_t{static_cast<unsigned char>(part[byte])} << (8 * byte);
        return static_cast<Number>(value);
    }
    std::string get_text(std::size_t room) {
        const auto part = take(room);
        return std::string(part.substr(0, part.find('\0')));
    }
    void expect_end() const {
        if (!rest_.empty())
            throw WrongContent(std::to_string(rest_.size()) + " bytes too many");
    }

private:
    std::string_view take(std::size_t size) {
        if (rest_.size() < size)
            throw WrongContent("it ends too early");
        const auto part = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return part;
    }
    std::string_view rest_;
};

}  // namespace process_pair
