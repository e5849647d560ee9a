#pragma once
// Encoding of control messages: network byte order, no padding, no alignment. Each message struct lists its
// fields once, in fields(); Encoder and Decoder both walk that list. Specified in pmemckpt-protocol.7.
#include <array>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "lib/base/result.hh"

namespace pmemckpt::wire {

class Encoder {
public:
    template <std::unsigned_integral T>
    void operator()(const T& value) {
        for (std::size_t shift = 8 * sizeof(T); shift != 0; shift -= 8)
            bytes_.push_back(static_cast<std::byte>(value >> (shift - 8)));
    }
    void operator()(const std::int64_t& value) { (*this)(static_cast<std::uint64_t>(value)); }
    template <class T>
    requires std::is_enum_v<T>
    void operator()(const T& value) { (*this)(static_cast<std::underlying_type_t<T>>(value)); }
    /// A string is its length in 16 bits and its bytes.
    void operator()(const std::string& text) {
        require(text.size() <= UINT16_MAX, "a string on the wire has at most 65535 bytes");
        (*this)(static_cast<std::uint16_t>(text.size()));
        append(std::as_bytes(std::span(text)));
    }
    template <std::size_t N>
    void operator()(const std::array<std::uint8_t, N>& raw) {
        append(std::as_bytes(std::span(raw)));
    }
    /// A list is its count in 16 bits and its elements.
    template <class T>
    void operator()(const std::vector<T>& list) {
        require(list.size() <= UINT16_MAX, "a list on the wire has at most 65535 elements");
        (*this)(static_cast<std::uint16_t>(list.size()));
        for (const auto& element : list)
            (*this)(element);
    }
    template <class T>
    requires requires(T& t, Encoder& e) { T::fields(t, e); }
    void operator()(const T& message) { T::fields(message, *this); }

    void append(std::span<const std::byte> raw) { bytes_.insert(bytes_.end(), raw.begin(), raw.end()); }
    std::vector<std::byte>& bytes() { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

/// Reads what an Encoder wrote. Once anything is missing it is bad and stays so; values are then zero.
class Decoder {
public:
    explicit Decoder(std::span<const std::byte> bytes) : left_(bytes) {}

    template <std::unsigned_integral T>
    void operator()(T& value) {
        value = 0;
        for (const auto byte : take(sizeof(T)))
            value = static_cast<T>((static_cast<std::uint64_t>(value) << 8) |
                                   std::to_integer<std::uint64_t>(byte));
    }
    void operator()(std::int64_t& value) {
        std::uint64_t raw = 0;
        (*this)(raw);
        value = static_cast<std::int64_t>(raw);
    }
    template <class T>
    requires std::is_enum_v<T>
    void operator()(T& value) {
        std::underlying_type_t<T> raw{};
        (*this)(raw);
        value = static_cast<T>(raw);
    }
    void operator()(std::string& text) {
        std::uint16_t length = 0;
        (*this)(length);
        const auto raw = take(length);
        text.assign(reinterpret_cast<const char*>(raw.data()), raw.size());
    }
    template <std::size_t N>
    void operator()(std::array<std::uint8_t, N>& raw) {
        const auto bytes = take(N);
        raw.fill(0);
        if (!bytes.empty())
            std::memcpy(raw.data(), bytes.data(), N);
    }
    template <class T>
    void operator()(std::vector<T>& list) {
        std::uint16_t count = 0;
        (*this)(count);
        list.clear();
        for (; count > 0 && good_; --count)
            (*this)(list.emplace_back());
    }
    template <class T>
    requires requires(T& t, Decoder& d) { T::fields(t, d); }
    void operator()(T& message) { T::fields(message, *this); }

    bool good() const { return good_; }
    bool at_end() const { return left_.empty(); }

private:
    std::span<const std::byte> take(std::size_t count) {
        if (count > left_.size())
            good_ = false;
        if (!good_)
            return {};
        const auto taken = left_.first(count);
        left_ = left_.subspan(count);
        return taken;
    }

    std::span<const std::byte> left_;
    bool good_ = true;
};

}  // namespace pmemckpt::wire
