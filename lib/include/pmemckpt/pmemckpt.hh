// pmemckpt for C++17 and later: owners for the handles of pmemckpt.h, and exceptions for its errors. Header
// only, over the C API alone. See pmemckpt(3).
#ifndef PMEMCKPT_HH
#define PMEMCKPT_HH

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "pmemckpt.h"

namespace pmemckpt::api {

using Generation = pmemckpt_generation;

/// code() is the errno value, what() the sentence.
class Error : public std::system_error {
public:
    Error(int code, const char* sentence)
        : std::system_error(code, std::generic_category(), sentence), sentence_(sentence) {}
    const char* what() const noexcept override { return sentence_.c_str(); }
    /// The manager can't be reached, or the connection was lost: connect again, perhaps later.
    bool is_connection() const noexcept {
        switch (code().value()) {
            case ECONNREFUSED:
            case ECONNRESET:
            case ECONNABORTED:
            case ENOTCONN:
            case EPIPE:
            case ETIMEDOUT:
            case EHOSTUNREACH:
            case ENETUNREACH:
            case EADDRNOTAVAIL:
            case ESHUTDOWN: return true;
            default: return false;
        }
    }

private:
    std::string sentence_;
};

namespace detail {
inline void check(std::int64_t status) {
    if (status < 0)
        throw Error(static_cast<int>(-status), pmemckpt_error());
}
struct Free {
    void operator()(pmemckpt_client* client) const noexcept { pmemckpt_disconnect(client); }
    void operator()(pmemckpt_buffer* buffer) const noexcept { pmemckpt_unregister(buffer); }
    void operator()(pmemckpt_writer* writer) const noexcept { pmemckpt_abort(writer); }
    void operator()(pmemckpt_reader* reader) const noexcept { pmemckpt_close(reader); }
};
template <class Handle>
using Owned = std::unique_ptr<Handle, Free>;
}  // namespace detail

/// Memory that writes are sent from in place. Its destructor waits until no write uses it.
class Buffer {
public:
    pmemckpt_buffer* handle() const noexcept { return handle_.get(); }

private:
    friend class Client;
    explicit Buffer(pmemckpt_buffer* handle) : handle_(handle) {}
    detail::Owned<pmemckpt_buffer> handle_;
};

/// A generation being written. Its destructor drops it, unless it was sealed.
class Writer {
public:
    /// Asynchronous: the bytes must not change before flush() or seal() returned.
    void write(std::uint64_t offset, const void* bytes, std::size_t size) {
        detail::check(pmemckpt_write(handle_.get(), offset, bytes, size));
    }
    void write(std::uint64_t offset, const Buffer& buffer, std::size_t from, std::size_t size) {
        detail::check(pmemckpt_write_buffer(handle_.get(), offset, buffer.handle(), from, size));
    }
    void flush() { detail::check(pmemckpt_flush(handle_.get())); }
    /// All of it, or the first `length` bytes. On return it is durable. The writer is of no use after it.
    Generation seal() { return seal(size_); }
    Generation seal(std::uint64_t length) {
        Generation generation;
        detail::check(pmemckpt_seal(handle_.release(), length, &generation));
        return generation;
    }
    std::uint64_t size() const noexcept { return size_; }

private:
    friend class Client;
    Writer(pmemckpt_writer* handle, std::uint64_t size) : handle_(handle), size_(size) {}
    detail::Owned<pmemckpt_writer> handle_;
    std::uint64_t size_;
};

/// A sealed generation, open: stays readable while this lives.
class Reader {
public:
    Generation generation() const {
        Generation generation;
        pmemckpt_generation_of(handle_.get(), &generation);
        return generation;
    }
    /// How many bytes were read: fewer than `size` only at the end. From any thread.
    std::size_t read(std::uint64_t offset, void* into, std::size_t size) const {
        const std::int64_t done = pmemckpt_read(handle_.get(), offset, into, size);
        detail::check(done);
        return static_cast<std::size_t>(done);
    }

private:
    friend class Client;
    explicit Reader(pmemckpt_reader* handle) : handle_(handle) {}
    detail::Owned<pmemckpt_reader> handle_;
};

/// Empty and 0: the environment's value, then the default.
struct Options {
    std::string server, pool, principal, key_dir, transport;
    std::uint32_t timeout_ms = 0;
};

/// One connection to a manager. From any thread.
class Client {
public:
    explicit Client(const Options& options = {}) {
        pmemckpt_options given = {};
        given.server = options.server.c_str();
        given.pool = options.pool.c_str();
        given.principal = options.principal.c_str();
        given.key_dir = options.key_dir.c_str();
        given.transport = options.transport.c_str();
        given.timeout_ms = options.timeout_ms;
        pmemckpt_client* handle = nullptr;
        detail::check(pmemckpt_connect(&given, &handle));
        handle_.reset(handle);
    }

    /// Made when it is missing. keep 0: 8 generations; max_size 0: no limit.
    void open_region(const std::string& region, std::uint32_t keep = 0, std::uint64_t max_size = 0) {
        detail::check(pmemckpt_open_region(handle_.get(), region.c_str(), keep, max_size));
    }
    void destroy_region(const std::string& region) {
        detail::check(pmemckpt_destroy_region(handle_.get(), region.c_str()));
    }
    std::vector<std::string> regions() {
        char** names = nullptr;
        std::size_t count = 0;
        detail::check(pmemckpt_list_regions(handle_.get(), &names, &count));
        const auto free_names = [&count](char** list) { pmemckpt_free_names(list, count); };
        const std::unique_ptr<char*, decltype(free_names)> owner(names, free_names);
        return std::vector<std::string>(names, names + count);
    }
    /// Oldest first.
    std::vector<Generation> generations(const std::string& region) {
        std::vector<Generation> list(16);
        for (;;) {
            std::size_t count = 0;
            detail::check(
                pmemckpt_list_generations(handle_.get(), region.c_str(), list.data(), list.size(), &count));
            const bool all = count <= list.size();
            list.resize(count);
            if (all)
                return list;
        }
    }

    Buffer register_memory(void* memory, std::size_t size) {
        pmemckpt_buffer* buffer = nullptr;
        detail::check(pmemckpt_register(handle_.get(), memory, size, &buffer));
        return Buffer(buffer);
    }
    /// A new generation of `size` bytes, all zero, seen by nobody before it is sealed.
    Writer begin(const std::string& region, std::uint64_t size) {
        pmemckpt_writer* writer = nullptr;
        detail::check(pmemckpt_begin(handle_.get(), region.c_str(), size, &writer));
        return Writer(writer, size);
    }
    /// number 0: the newest.
    Reader open(const std::string& region, std::uint64_t number = 0) {
        pmemckpt_reader* reader = nullptr;
        detail::check(pmemckpt_open(handle_.get(), region.c_str(), number, &reader));
        return Reader(reader);
    }
    /// The newest generation, if the region has one.
    std::optional<Reader> open_newest(const std::string& region) {
        pmemckpt_reader* reader = nullptr;
        const int status = pmemckpt_open(handle_.get(), region.c_str(), 0, &reader);
        if (status == -ENODATA)
            return std::nullopt;
        detail::check(status);
        return Reader(reader);
    }
    /// Waits for a generation above `after` and returns the newest; ETIMEDOUT is thrown after timeout_ms.
    Generation wait(const std::string& region, std::uint64_t after,
                    std::uint32_t timeout_ms = std::numeric_limits<std::uint32_t>::max()) {
        Generation generation;
        detail::check(pmemckpt_wait(handle_.get(), region.c_str(), after, timeout_ms, &generation));
        return generation;
    }

private:
    detail::Owned<pmemckpt_client> handle_;
};

}  // namespace pmemckpt::api

#endif
