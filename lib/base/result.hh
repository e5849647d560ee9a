#pragma once
// Errors are values: an errno, for exit statuses and FUSE, and one sentence with the numbers in it.
#include <fmt/core.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace pmemckpt {

struct Error {
    int code;             ///< errno value; exit_status() and FUSE replies are made of it
    std::string message;  ///< what happened, with the numbers, and what to do; no newline at its end
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

template <class... Arguments>
[[nodiscard]] tl::unexpected<Error> fail(int code, fmt::format_string<Arguments...> format,
                                         Arguments&&... arguments) {
    return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Arguments>(arguments)...)});
}

/// The same with ": <strerror(code)>" at the end; `code` is usually errno.
[[nodiscard]] Error system_error(int code, std::string what);
template <class... Arguments>
[[nodiscard]] tl::unexpected<Error> fail_errno(int code, fmt::format_string<Arguments...> format,
                                               Arguments&&... arguments) {
    return tl::unexpected<Error>(
        system_error(code, fmt::format(format, std::forward<Arguments>(arguments)...)));
}

namespace detail {
template <class T>
T take(Result<T>&& result) {
    return std::move(*result);
}
inline void take(Status&&) {}
}  // namespace detail

/// A programmer's error ends the process, in release builds too.
void require(bool holds, const char* what);

}  // namespace pmemckpt

/// TRY(f()) is f's value; an error is returned from the calling function.
#define TRY(...)                                                                 \
    __extension__({                                                              \
        auto tried_ = (__VA_ARGS__);                                             \
        if (!tried_) [[unlikely]]                                                \
            return tl::unexpected<::pmemckpt::Error>(std::move(tried_).error()); \
        ::pmemckpt::detail::take(std::move(tried_));                             \
    })
