#pragma once
// A promise that was broken, or a wait that took too long.
#include <fmt/core.h>

#include <stdexcept>
#include <string>

namespace soak {

class Failure : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class... Values>
[[noreturn]] void fail(fmt::format_string<Values...> sentence, Values&&... values) {
    throw Failure(fmt::format(sentence, std::forward<Values>(values)...));
}

}  // namespace soak
