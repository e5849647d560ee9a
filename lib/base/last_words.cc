#include "lib/base/last_words.hh"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>

#include "lib/base/exit_status.hh"

namespace pmemckpt {

namespace {

const char* program_name = "pmemckpt";
const char* what_is_safe = "";

/// Allocates nothing.
[[noreturn]] void end(const char* what, const char* detail) {
    std::array<char, 512> line{};
    const int size =
        std::snprintf(line.data(), line.size(), "%s: %s%s%s\n", program_name, what, detail, what_is_safe);
    const auto length = std::min<std::size_t>(size > 0 ? static_cast<std::size_t>(size) : 0, line.size() - 1);
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), length);
    ::_exit(kExitFailure);
}

[[noreturn]] void terminated() {
    try {
        if (const auto thrown = std::current_exception())
            std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
        end("out of memory", "");
    } catch (const std::system_error& error) {
        end("the system refuses what it takes to go on, such as a thread: ", error.what());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: nobody expected this error: %s\n", program_name, error.what());
    } catch (...) {
    }
    std::abort();
}

}  // namespace

void set_last_words(const char* program, const char* reassurance) {
    program_name = program;
    what_is_safe = reassurance;
    std::set_terminate(terminated);
}

}  // namespace pmemckpt
