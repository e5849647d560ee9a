// The C API of files on other systems: sync.h over file_session.hh. No exception leaves it.
#include <cstdio>

#include "lib/sync/c_api.hh"
#include "lib/sync/file_session.hh"

struct pmemckpt_files {
    std::unique_ptr<pmemckpt::sync::FileSession> session;
};

namespace {

using namespace pmemckpt;
using namespace pmemckpt::c_api;

static_assert(int{PMEMCKPT_FILE_READ} == int{sync::kOpenRead} &&
              int{PMEMCKPT_FILE_CREATE} == int{sync::kOpenCreate} &&
              int{PMEMCKPT_FILE_APPEND} == int{sync::kOpenAppend});

/// What `body` gives, a number that is not negative; or a negative errno value.
template <class Body>
std::int64_t number_of(Body&& body) noexcept {
    std::int64_t number = 0;
    const int status = guarded([&]() -> Status {
        number = TRY(body());
        return {};
    });
    return status < 0 ? status : number;
}

Result<sync::Whence> whence_of(int whence) {
    switch (whence) {
        case SEEK_SET: return sync::Whence::begin;
        case SEEK_CUR: return sync::Whence::position;
        case SEEK_END: return sync::Whence::end;
        default: return fail(EINVAL, "pmemckpt_file_seek: whence is {}", whence);
    }
}

}  // namespace

extern "C" {

int pmemckpt_open_files(pmemckpt_coordinator* coordinator, const char* participant, uint64_t session,
                        pmemckpt_files** files) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_open_files", "coordinator", coordinator));
        TRY(need("pmemckpt_open_files", "participant", participant));
        TRY(need("pmemckpt_open_files", "files", files));
        *files = nullptr;
        auto opened = TRY(coordinator->coordinator->open_files(participant, session));
        *files = new pmemckpt_files{std::move(opened)};
        return {};
    });
}

void pmemckpt_close_files(pmemckpt_files* files) {
    delete files;
}

int pmemckpt_leave_files(pmemckpt_files* files) {
    return guarded([&] { return files->session->leave(); });
}

int64_t pmemckpt_file_open(pmemckpt_files* files, const char* path, uint32_t flags, uint32_t mode) {
    return number_of([&]() -> Result<std::int64_t> {
        TRY(need("pmemckpt_file_open", "path", path));
        return TRY(files->session->open(path, flags, mode)).handle;
    });
}

int pmemckpt_file_close(pmemckpt_files* files, uint32_t handle) {
    return guarded([&] { return files->session->close(handle); });
}

int64_t pmemckpt_file_read(pmemckpt_files* files, uint32_t handle, void* into, size_t size) {
    return number_of([&]() -> Result<std::int64_t> {
        return static_cast<std::int64_t>(
            TRY(files->session->read(handle, {static_cast<std::byte*>(into), size})));
    });
}

int pmemckpt_file_write(pmemckpt_files* files, uint32_t handle, const void* bytes, size_t size) {
    return guarded([&] {
        return files->session->write(handle, {static_cast<const std::byte*>(bytes), size});
    });
}

int64_t pmemckpt_file_seek(pmemckpt_files* files, uint32_t handle, int64_t offset, int whence) {
    return number_of([&]() -> Result<std::int64_t> {
        const auto from = TRY(whence_of(whence));
        return static_cast<std::int64_t>(TRY(files->session->seek(handle, offset, from)));
    });
}

int pmemckpt_file_truncate(pmemckpt_files* files, uint32_t handle, uint64_t size) {
    return guarded([&] { return files->session->truncate(handle, size); });
}

int pmemckpt_file_flush(pmemckpt_files* files, uint32_t handle) {
    return guarded([&] { return files->session->flush(handle); });
}

int pmemckpt_file_rename(pmemckpt_files* files, const char* from, const char* to) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_file_rename", "from", from));
        TRY(need("pmemckpt_file_rename", "to", to));
        return files->session->rename(from, to);
    });
}

int pmemckpt_file_remove(pmemckpt_files* files, const char* path) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_file_remove", "path", path));
        return files->session->remove(path);
    });
}

int64_t pmemckpt_file_size(pmemckpt_files* files, const char* path) {
    return number_of([&]() -> Result<std::int64_t> {
        TRY(need("pmemckpt_file_size", "path", path));
        return static_cast<std::int64_t>(TRY(files->session->stat(path)).size);
    });
}

}  // extern "C"
