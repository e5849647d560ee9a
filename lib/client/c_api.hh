#pragma once
// What the files of the C API share: handles, errors, and the way out of each function.
#include <cerrno>
#include <exception>
#include <memory>
#include <new>
#include <vector>

#include "lib/client/client.hh"
#include "lib/client/dirty_tracker.hh"
#include "pmemckpt/pmemckpt.h"

struct pmemckpt_client {
    std::shared_ptr<pmemckpt::client::Client> client;
};
struct pmemckpt_buffer {
    std::shared_ptr<pmemckpt::client::Buffer> buffer;
};
struct pmemckpt_writer {
    std::unique_ptr<pmemckpt::client::Writer> writer;
};
struct pmemckpt_reader {
    std::unique_ptr<pmemckpt::client::Reader> reader;
};
struct pmemckpt_appender {
    std::unique_ptr<pmemckpt::client::Appender> appender;
};
struct pmemckpt_log {
    std::unique_ptr<pmemckpt::client::LogReader> reader;
    pmemckpt::client::Record record;  // the last one handed out
};
struct pmemckpt_tracker {
    std::unique_ptr<pmemckpt::client::DirtyTracker> tracker;
};

namespace pmemckpt::c_api {

inline constexpr std::size_t kSentenceBytes = 2048;
extern thread_local char the_sentence[kSentenceBytes];

/// Keeps the sentence for the calling thread and returns -code.
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

inline Status need(const char* function, const char* argument, const void* pointer) {
    if (!pointer)
        return fail(EINVAL, "{}: {} is NULL", function, argument);
    return {};
}

inline std::string text_or_empty(const char* text) {
    return text ? text : "";
}

void store(const wire::Generation& from, pmemckpt_generation& to);
void store(const wire::Cursor& from, pmemckpt_cursor& to);
pmemckpt_record view_of(const client::Record& record);

}  // namespace pmemckpt::c_api
