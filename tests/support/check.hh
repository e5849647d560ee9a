#pragma once
// cmocka for C++: a failing check throws, so destructors run, and run() turns that into cmocka's failure.
//
//     void adds() { CHECK(1 + 1 == 2); test::equal(1 + 1, 2); auto v = test::ok(parse_size("1K")); }
//     int main() { return test::run("units", {{"adds", adds}}); }
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/base/result.hh"

namespace pmemckpt::test {

/// A line of a test. clang 14 has no std::source_location.
class Place {
public:
    static constexpr Place current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
        return {file, line};
    }
    constexpr const char* file_name() const { return file_; }
    constexpr int line() const { return line_; }

private:
    constexpr Place(const char* file, int line) : file_(file), line_(line) {}
    const char* file_;
    int line_;
};

struct Failure : std::runtime_error {
    using runtime_error::runtime_error;
};
struct Skipped : std::runtime_error {
    using runtime_error::runtime_error;
};

[[noreturn]] void fail_at(const Place& place, const std::string& what);
/// Ends the test as skipped, with its reason, which is counted and listed.
[[noreturn]] void skip(const std::string& why);

template <class A, class B>
void equal(const A& got, const B& wanted, const Place& place = Place::current()) {
    if (!(got == wanted))
        fail_at(place, fmt::format("got {}, wanted {}", got, wanted));
}

/// The value of a result that must be one.
template <class T>
T ok(Result<T> result, const Place& place = Place::current()) {
    if (!result)
        fail_at(place, fmt::format("unexpected error {}: {}", result.error().code, result.error().message));
    return detail::take(std::move(result));
}

/// The message of a result that must be this error.
template <class T>
std::string error(const Result<T>& result, int code, const Place& place = Place::current()) {
    if (result)
        fail_at(place, fmt::format("wanted error {}, but it went well", code));
    if (result.error().code != code)
        fail_at(place, fmt::format("wanted error {}, got {}: {}", code, result.error().code,
                                   result.error().message));
    return result.error().message;
}

void contains(const std::string& text, const std::string& part, const Place& place = Place::current());

/// Waits for something that another thread does; fails after `limit_ms`.
void eventually(const std::function<bool()>& holds, unsigned limit_ms = 10'000,
                const Place& place = Place::current());

/// A directory for this test alone, removed at its end.
const std::filesystem::path& directory();

/// From $SEED (printed by the runner); the same seed gives the same run.
std::uint64_t seed();
std::mt19937_64& generator();  ///< seeded anew before each test
std::vector<std::byte> random_bytes(std::size_t count);

bool under_valgrind();
/// Built with a sanitizer, of g++ or clang: everything takes several times as long.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PMEMCKPT_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PMEMCKPT_SANITIZED
#endif
constexpr bool sanitized() {
#ifdef PMEMCKPT_SANITIZED
    return true;
#else
    return false;
#endif
}

/// How often something is done: STEPS, or fewer times where all is slower.
std::uint64_t steps(std::uint64_t plain, std::uint64_t sanitized, std::uint64_t under_valgrind);

struct Test {
    const char* name;
    void (*body)();
};
/// The exit status for main: 0, 1 when one failed, 77 when all were skipped.
int run(const char* group, std::vector<Test> tests);

}  // namespace pmemckpt::test

#define CHECK(...)                                                                                    \
    do {                                                                                              \
        if (!(__VA_ARGS__))                                                                           \
            ::pmemckpt::test::fail_at(::pmemckpt::test::Place::current(), "not true: " #__VA_ARGS__); \
    } while (false)
