#pragma once
// What the C APIs share: errors, and the way out of each function.
#include <cerrno>
#include <exception>
#include <new>
#include <string>

#include "lib/base/result.hh"

namespace pmemckpt::c_api {

inline constexpr std::size_t kSentenceBytes = 2048;
extern thread_local char the_sentence[kSentenceBytes];

/// Keeps the sentence for the calling thread and returns -code, which is never 0 or more.
int remember(int code, const char* sentence) noexcept;
inline int remember(const Error& error) noexcept {
    return remember(error.code, error.message.c_str());
}

/// Runs `body`, which returns a Status; whatever it throws becomes an error.
template <class Body>
int guarded(Body&& body) noexcept {
    try {
        const Status status = body();
        return status ? 0 : remember(status.error());
    } catch (const std::bad_alloc&) {
        return remember(ENOMEM, "there is no memory left");
    } catch (const std::exception& exception) {
        return remember(EIO, exception.what());
    } catch (...) {
        return remember(EIO, "something unknown was thrown");
    }
}

/// Of what a function of the program's has returned and is not 0: a negative errno value, or EIO.
constexpr int code_of(int returned) {
    constexpr int kLargestErrno = 4095;  // Linux has none above
    return returned < 0 && returned >= -kLargestErrno ? -returned : EIO;
}

inline Status need(const char* function, const char* argument, const void* pointer) {
    if (!pointer)
        return fail(EINVAL, "{}: {} is NULL", function, argument);
    return {};
}

inline std::string text_or_empty(const char* text) {
    return text ? text : "";
}

}  // namespace pmemckpt::c_api
