#include "tests/support/check.hh"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cstring>
#include <thread>

extern "C" {
#include <cmocka.h>
}
#undef skip

namespace pmemckpt::test {

namespace {

std::filesystem::path current_directory;
std::mt19937_64 the_generator;

void make_directory() {
    const char* parent = std::getenv("TMPDIR");
    auto path = std::string(parent ? parent : "/tmp") + "/pmemckpt-test.XXXXXX";
    if (!::mkdtemp(path.data()))
        throw Failure("can't make a directory for the test in " + path);
    current_directory = path;
}

enum class Outcome { passed, failed, skipped };

Outcome run_body(const Test& test, std::string& message) {
    try {
        the_generator.seed(seed());
        make_directory();
        test.body();
        return Outcome::passed;
    } catch (const Skipped& skipped) {
        message = skipped.what();
        return Outcome::skipped;
    } catch (const std::exception& failure) {
        message = failure.what();
        return Outcome::failed;
    }
}

// A cmocka assertion longjmps past destructors; so everything with one has ended before it is called.
void trampoline(void** state) {
    static char message[2000];
    Outcome outcome;
    {
        std::string text;
        outcome = run_body(*static_cast<const Test*>(*state), text);
        std::error_code ignored;
        std::filesystem::remove_all(current_directory, ignored);
        std::snprintf(message, sizeof message, "%s", text.c_str());
    }
    if (outcome == Outcome::failed)
        fail_msg("%s (SEED=%llu)", message, static_cast<unsigned long long>(seed()));
    if (outcome == Outcome::skipped) {
        std::printf("SKIP: %s: %s\n", static_cast<const Test*>(*state)->name, message);
        std::fflush(stdout);
        _skip(__FILE__, __LINE__);
    }
}

}  // namespace

void fail_at(const Place& place, const std::string& what) {
    throw Failure(fmt::format("{}:{}: {}", place.file_name(), place.line(), what));
}

void skip(const std::string& why) {
    throw Skipped(why);
}

void contains(const std::string& text, const std::string& part, const Place& place) {
    if (text.find(part) == std::string::npos)
        fail_at(place, fmt::format("\"{}\" does not contain \"{}\"", text, part));
}

void eventually(const std::function<bool()>& holds, unsigned limit_ms, const Place& place) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end)
            fail_at(place, fmt::format("it did not come true within {} ms", limit_ms));
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

const std::filesystem::path& directory() {
    return current_directory;
}

std::uint64_t seed() {
    static const std::uint64_t value = [] {
        const char* text = std::getenv("SEED");
        return text ? std::strtoull(text, nullptr, 10) : 1;
    }();
    return value;
}

std::mt19937_64& generator() {
    return the_generator;
}

std::vector<std::byte> random_bytes(std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (std::size_t at = 0; at < count; at += 8) {
        const auto word = the_generator();
        std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, count - at));
    }
    return bytes;
}

std::uint64_t steps(std::uint64_t plain, std::uint64_t sanitized_ones, std::uint64_t few) {
    if (const char* text = std::getenv("STEPS"))
        return std::strtoull(text, nullptr, 10);
    return under_valgrind() ? few : sanitized() ? sanitized_ones : plain;
}

bool under_valgrind() {
    const char* preload = std::getenv("LD_PRELOAD");
    return preload && std::strstr(preload, "vgpreload");
}

int run(const char* group, std::vector<Test> tests) {
    std::vector<CMUnitTest> list;
    for (auto& test : tests)
        list.push_back({test.name, trampoline, nullptr, nullptr, &test});
    const int failed = _cmocka_run_group_tests(group, list.data(), list.size(), nullptr, nullptr);
    return failed == 0 ? 0 : 1;
}

}  // namespace pmemckpt::test
