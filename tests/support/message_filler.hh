#pragma once
// Messages with something in every field.
#include <fmt/format.h>

#include <array>
#include <concepts>
#include <string>
#include <type_traits>
#include <vector>

#include "lib/wire/messages.hh"
#include "tests/support/check.hh"

namespace pmemckpt::test {

/// Fills every field with something that is not zero.
class Filler {
public:
    template <std::unsigned_integral T>
    void operator()(T& value) {
        value = static_cast<T>(generator()() | 1);
    }
    void operator()(wire::EventKind& kind) { kind = wire::EventKind::cleared; }
    template <class T>
    requires std::is_enum_v<T>
    void operator()(T& value) { value = static_cast<T>(1); }
    void operator()(std::int64_t& value) { value = -static_cast<std::int64_t>(generator()() >> 1); }
    void operator()(std::string& text) { text = fmt::format("text {}", generator()() % 1'000'000); }
    template <std::size_t N>
    void operator()(std::array<std::uint8_t, N>& raw) {
        for (auto& byte : raw)
            (*this)(byte);
    }
    template <class T>
    void operator()(std::vector<T>& list) {
        list.resize(1 + generator()() % 5);
        for (auto& element : list)
            (*this)(element);
    }
    template <class T>
    requires requires(T& t, Filler& f) { T::fields(t, f); }
    void operator()(T& message) { T::fields(message, *this); }
};

template <class Body>
std::vector<std::byte> encoded(const Body& body) {
    wire::Encoder encoder;
    encoder(body);
    return encoder.bytes();
}

}  // namespace pmemckpt::test
