#pragma once
// Takes an input apart. What is missing at its end is zero, or empty; so each input means something.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/target.hh"

namespace pmemckpt::fuzz {

class Input {
public:
    explicit Input(std::span<const std::byte> bytes) : left_(bytes) {}

    bool empty() const { return left_.empty(); }
    std::size_t size() const { return left_.size(); }
    std::uint8_t byte() { return static_cast<std::uint8_t>(integer(1)); }
    std::uint16_t number() { return static_cast<std::uint16_t>(integer(2)); }
    std::span<const std::byte> piece(std::size_t at_most) {
        const auto taken = left_.first(std::min(at_most, left_.size()));
        left_ = left_.subspan(taken.size());
        return taken;
    }
    /// Its length, in 16 bits, and its bytes: as wire::Encoder writes a list of bytes.
    std::span<const std::byte> piece_with_length() { return piece(number()); }
    std::span<const std::byte> rest() { return piece(left_.size()); }

private:
    std::uint64_t integer(std::size_t size) {
        std::uint64_t value = 0;
        for (const auto byte : piece(size))
            value = value << 8 | std::to_integer<std::uint64_t>(byte);
        return value;
    }
    std::span<const std::byte> left_;
};

}  // namespace pmemckpt::fuzz
