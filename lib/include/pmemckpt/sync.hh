// Sync points for C++17 and later: owners for the handles of sync.h, and exceptions for its errors. Header
// only, over the C API alone. See pmemckpt-sync(3).
#ifndef PMEMCKPT_SYNC_HH
#define PMEMCKPT_SYNC_HH

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "sync.h"

namespace pmemckpt::api::sync {

/// code() is the errno value, what() the sentence.
class Error : public std::system_error {
public:
    Error(int code, const char* sentence)
        : std::system_error(code, std::generic_category(), sentence), sentence_(sentence) {}
    const char* what() const noexcept override { return sentence_.c_str(); }
    /// A program was started anew: roll back first.
    bool must_roll_back() const noexcept { return code().value() == EUCLEAN; }
    /// The sync point may be what a rollback goes to.
    bool is_in_doubt() const noexcept { return code().value() == EINPROGRESS; }

private:
    std::string sentence_;
};

namespace detail {
inline void check(std::int64_t status) {
    if (status < 0)
        throw Error(static_cast<int>(-status), pmemckpt_sync_error());
}
struct Free {
    void operator()(pmemckpt_coordinator* one) const noexcept { pmemckpt_end_coordination(one); }
    void operator()(pmemckpt_participant* one) const noexcept { pmemckpt_end_participation(one); }
    void operator()(pmemckpt_files* one) const noexcept { pmemckpt_close_files(one); }
};
/// What is thrown must not leave a function that C calls.
template <class Call>
int guarded(Call&& call) noexcept {
    try {
        call();
        return 0;
    } catch (const std::system_error& error) {
        pmemckpt_sync_explain(error.what());
        return error.code().value() > 0 ? -error.code().value() : -EIO;
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    } catch (const std::exception& error) {
        pmemckpt_sync_explain(error.what());
        return -EIO;
    } catch (...) {
        return -EIO;
    }
}
}  // namespace detail

/// In a save: takes the next bytes of the state.
class Sink {
public:
    explicit Sink(pmemckpt_sync_sink* handle) : handle_(handle) {}
    void write(const void* bytes, std::size_t size) {
        detail::check(pmemckpt_sync_write(handle_, bytes, size));
    }

private:
    pmemckpt_sync_sink* handle_;
};

/// In a restore: gives the next bytes of the state.
class Source {
public:
    explicit Source(pmemckpt_sync_source* handle) : handle_(handle) {}
    /// How many there were; fewer than `size` only at the end.
    std::size_t read(void* into, std::size_t size) {
        const auto count = pmemckpt_sync_read(handle_, into, size);
        detail::check(count);
        return static_cast<std::size_t>(count);
    }
    /// All `size` bytes; throws EBADMSG when there are fewer.
    void read_all(void* into, std::size_t size) {
        if (read(into, size) != size)
            throw Error(EBADMSG, "the state is shorter than what is read");
    }

private:
    pmemckpt_sync_source* handle_;
};

/// What is checkpointed; what the functions throw fails the sync point, or the rollback.
struct Program {
    std::function<void(std::uint64_t number, Sink&)> save;
    std::function<void(std::uint64_t number, Source&)> restore;
};

namespace detail {
inline pmemckpt_sync_program functions_of(Program& program) {
    return {[](void* context, std::uint64_t number, pmemckpt_sync_sink* handle) {
                return guarded([&] {
                    Sink sink(handle);
                    static_cast<Program*>(context)->save(number, sink);
                });
            },
            [](void* context, std::uint64_t number, pmemckpt_sync_source* handle) {
                return guarded([&] {
                    Source source(handle);
                    static_cast<Program*>(context)->restore(number, source);
                });
            },
            &program};
}
inline const char* text_or_null(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}
}  // namespace detail

/// A session with the files that a participant serves: Coordinator::open_files(). Its end is that of the
/// connection alone: the files stay open. Threads: one at a time.
class Files {
public:
    using Handle = std::uint32_t;

    /// `flags`: pmemckpt_file_flags; `mode` is for one that is made.
    Handle open(const std::string& path, std::uint32_t flags, std::uint32_t mode = 0644) {
        const auto handle = pmemckpt_file_open(handle_.get(), path.c_str(), flags, mode);
        detail::check(handle);
        return static_cast<Handle>(handle);
    }
    void close(Handle file) { detail::check(pmemckpt_file_close(handle_.get(), file)); }
    /// How many bytes there were; fewer than `size` only at the end.
    std::size_t read(Handle file, void* into, std::size_t size) {
        const auto count = pmemckpt_file_read(handle_.get(), file, into, size);
        detail::check(count);
        return static_cast<std::size_t>(count);
    }
    void write(Handle file, const void* bytes, std::size_t size) {
        detail::check(pmemckpt_file_write(handle_.get(), file, bytes, size));
    }
    /// The new position.
    std::uint64_t seek(Handle file, std::int64_t offset, int whence = SEEK_SET) {
        const auto position = pmemckpt_file_seek(handle_.get(), file, offset, whence);
        detail::check(position);
        return static_cast<std::uint64_t>(position);
    }
    void truncate(Handle file, std::uint64_t size) {
        detail::check(pmemckpt_file_truncate(handle_.get(), file, size));
    }
    /// What was written to it is on disk.
    void flush(Handle file) { detail::check(pmemckpt_file_flush(handle_.get(), file)); }
    void rename(const std::string& from, const std::string& to) {
        detail::check(pmemckpt_file_rename(handle_.get(), from.c_str(), to.c_str()));
    }
    void remove(const std::string& path) { detail::check(pmemckpt_file_remove(handle_.get(), path.c_str())); }
    std::uint64_t size(const std::string& path) {
        const auto size = pmemckpt_file_size(handle_.get(), path.c_str());
        detail::check(size);
        return static_cast<std::uint64_t>(size);
    }
    /// All files of the session are closed.
    void leave() { detail::check(pmemckpt_leave_files(handle_.get())); }

private:
    friend class Coordinator;
    explicit Files(pmemckpt_files* handle) : handle_(handle) {}

    std::unique_ptr<pmemckpt_files, detail::Free> handle_;
};

/// Threads: one at a time.
class Coordinator {
public:
    struct Options {
        std::string job;
        std::vector<std::string> participants;  ///< HOST:PORT
        std::string principal = {}, key_dir = {};
        std::uint32_t timeout_ms = 0;
    };

    Coordinator(const Options& options, Program program)
        : program_(std::make_unique<Program>(std::move(program))) {
        const auto addresses = addresses_of(options.participants);
        pmemckpt_coordinator_options given{};
        given.job = options.job.c_str();
        given.participants = addresses.data();
        given.count = addresses.size();
        given.principal = detail::text_or_null(options.principal);
        given.key_dir = detail::text_or_null(options.key_dir);
        given.timeout_ms = options.timeout_ms;
        const auto functions = detail::functions_of(*program_);
        pmemckpt_coordinator* handle = nullptr;
        detail::check(pmemckpt_coordinate(&given, &functions, &handle));
        handle_.reset(handle);
    }
    bool must_roll_back() const noexcept { return pmemckpt_must_roll_back(handle_.get()) != 0; }
    std::optional<std::uint64_t> newest() const noexcept {
        const auto number = pmemckpt_newest_sync_point(handle_.get());
        return number == 0 ? std::nullopt : std::optional(number);
    }
    /// Its number.
    std::uint64_t take_sync_point() {
        std::uint64_t number = 0;
        detail::check(pmemckpt_take_sync_point(handle_.get(), &number));
        return number;
    }
    /// To this one, or the newest; its number.
    std::uint64_t roll_back(std::uint64_t number = 0) {
        std::uint64_t restored = 0;
        detail::check(pmemckpt_roll_back(handle_.get(), number, &restored));
        return restored;
    }
    /// Of these participants alone.
    std::uint64_t roll_back(const std::vector<std::string>& participants, std::uint64_t number = 0) {
        const auto addresses = addresses_of(participants);
        std::uint64_t restored = 0;
        detail::check(
            pmemckpt_roll_back_some(handle_.get(), addresses.data(), addresses.size(), number, &restored));
        return restored;
    }
    /// With one of the participants, under a number of the program's choice. It must end before this one
    /// does.
    Files open_files(const std::string& participant, std::uint64_t session) {
        pmemckpt_files* files = nullptr;
        detail::check(pmemckpt_open_files(handle_.get(), participant.c_str(), session, &files));
        return Files(files);
    }

private:
    static std::vector<const char*> addresses_of(const std::vector<std::string>& participants) {
        std::vector<const char*> addresses;
        for (const auto& one : participants)
            addresses.push_back(one.c_str());
        return addresses;
    }

    std::unique_ptr<Program> program_;
    std::unique_ptr<pmemckpt_coordinator, detail::Free> handle_;
};

/// Serves coordinators as long as it lives.
class Participant {
public:
    struct Options {
        std::string file, directory;  ///< one of them, or a storage
        std::string listen = {}, principal = {}, key_dir = {};
        std::uint32_t keep = 0;
        std::optional<pmemckpt_sync_storage> storage = {};  ///< the participant closes it, in any case
    };

    Participant(const Options& options, Program program)
        : program_(std::make_unique<Program>(std::move(program))) {
        pmemckpt_participant_options given{};
        given.listen = detail::text_or_null(options.listen);
        given.file = detail::text_or_null(options.file);
        given.directory = detail::text_or_null(options.directory);
        given.storage = options.storage ? &*options.storage : nullptr;
        given.principal = detail::text_or_null(options.principal);
        given.key_dir = detail::text_or_null(options.key_dir);
        given.keep = options.keep;
        const auto functions = detail::functions_of(*program_);
        pmemckpt_participant* handle = nullptr;
        detail::check(pmemckpt_participate(&given, &functions, &handle));
        handle_.reset(handle);
    }
    Participant(Participant&&) = default;
    /// What this one was is ended first, with the program that it calls.
    Participant& operator=(Participant&& other) noexcept {
        handle_.reset();
        program_ = std::move(other.program_);
        handle_ = std::move(other.handle_);
        return *this;
    }
    /// HOST:PORT, with the port that was really taken.
    std::string address() const { return pmemckpt_participant_address(handle_.get()); }

private:
    std::unique_ptr<Program> program_;
    std::unique_ptr<pmemckpt_participant, detail::Free> handle_;
};

}  // namespace pmemckpt::api::sync

#endif
