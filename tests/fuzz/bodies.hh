#pragma once
// Bodies of messages of many types: each goes there and back, and one field of it is changed.
#include <cerrno>
#include <random>
#include <string>
#include <type_traits>

#include "lib/wire/messages.hh"
#include "tests/fuzz/target.hh"
#include "tests/support/message_filler.hh"

namespace pmemckpt::fuzz {

/// Changes one field of a message, which is drawn, to something that lies at an edge, or that others know.
class FieldChange {
public:
    explicit FieldChange(unsigned seed) : generator_(seed) {}

    template <class Body>
    void change(Body& body) {
        fields_ = 0;
        (*this)(body);
        if (fields_ == 0)
            return;
        chosen_ = static_cast<unsigned>(generator_() % fields_);
        is_changing_ = true;
        fields_ = 0;
        (*this)(body);
        is_changing_ = false;
    }

    template <std::unsigned_integral T>
    void operator()(T& value) {
        if (is_it())
            value = static_cast<T>(number());
    }
    void operator()(std::int64_t& value) {
        if (is_it())
            value = static_cast<std::int64_t>(number());
    }
    template <class T>
    requires std::is_enum_v<T>
    void operator()(T& value) {
        if (is_it())
            value = static_cast<T>(number());
    }
    void operator()(std::string& text) {
        if (is_it())
            text = kTexts[generator_() % std::size(kTexts)];
    }
    template <std::size_t N>
    void operator()(std::array<std::uint8_t, N>& raw) {
        if (is_it())
            raw.fill(static_cast<std::uint8_t>(generator_()));
    }
    template <class T>
    void operator()(std::vector<T>& list) {
        if (is_it())
            list.resize(generator_() % kMostElements);
        else
            for (auto& element : list)
                (*this)(element);
    }
    template <class T>
    requires requires(T& t, FieldChange& f) { T::fields(t, f); }
    void operator()(T& message) { T::fields(message, *this); }

private:
    static constexpr std::size_t kMostElements = 6;
    static constexpr const char* kTexts[] = {"",       "team/app",    "team", "b",     "backup",
                                             "alice",  "team/app/x",  "bob",  "%team", ".",
                                             "../out", "folder/file", "file", "job"};

    bool is_it() { return fields_++ == chosen_ && is_changing_; }
    /// Handles, numbers and pages are small; sizes are of a page or some.
    std::uint64_t number() {
        switch (generator_() % 4) {
            case 0: return generator_() % 8;
            case 1: return (1 + generator_() % 8) * 4096 - generator_() % 2;
            case 2: return std::uint64_t{1} << generator_() % 64;
            default: return UINT64_MAX - generator_() % 3;
        }
    }

    std::minstd_rand generator_;
    unsigned fields_ = 0, chosen_ = 0;
    bool is_changing_ = false;
};

/// It is refused with EPROTO, or is exactly what it says.
template <class Body>
void check_body(std::span<const std::byte> bytes) {
    const auto decoded = wire::decode_body<Body>(bytes);
    if (!decoded)
        test::equal(decoded.error().code, EPROTO);
    else
        CHECK(std::ranges::equal(test::encoded(*decoded), bytes));
}

template <class Body>
void change_body(Bytes& bytes, unsigned seed) {
    auto body = wire::decode_body<Body>(bytes);
    if (!body)
        body.emplace();
    FieldChange(seed).change(*body);
    bytes = test::encoded(*body);
}

template <class Body>
Bytes filled_body() {
    Body body;
    test::Filler{}(body);
    return test::encoded(body);
}

/// Of one of many types.
struct BodyKind {
    void (*check)(std::span<const std::byte> bytes);
    void (*change)(Bytes& bytes, unsigned seed);
    Bytes (*filled)();
};
template <class... Bodies>
std::vector<BodyKind> kinds_of() {
    return {{check_body<Bodies>, change_body<Bodies>, filled_body<Bodies>}...};
}

/// An input of such a target: which kind its body is of; then a whole message.
void run_message(const std::vector<BodyKind>& kinds, std::span<const std::byte> input);
std::vector<Seed> message_seeds(const std::vector<BodyKind>& kinds);
/// A field is changed, and the header fits.
void mend_message(const std::vector<BodyKind>& kinds, Bytes& input, unsigned seed);

}  // namespace pmemckpt::fuzz
