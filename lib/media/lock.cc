#include "lib/media/lock.hh"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace pmemckpt::media {

namespace {

tl::unexpected<Error> refused(int code, const std::string& path) {
    if (code == EAGAIN || code == EACCES)
        return fail(EBUSY, "{} is in use by another program, most likely its manager; stop that one first",
                    path);
    return fail_errno(code, "{}: can't take the lock", path);
}

Status take_lock(const FileDescriptor& file, short type, const std::string& path) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return ::fcntl(file.get(), F_OFD_SETLK, &lock) == 0 ? Status() : refused(errno, path);
}

}  // namespace

Status lock_file(const FileDescriptor& file, const std::string& path) {
    return take_lock(file, F_WRLCK, path);
}

Status lock_file_shared(const FileDescriptor& file, const std::string& path) {
    return take_lock(file, F_RDLCK, path);
}

Status lock_name(const FileDescriptor& file, bool exclusive, const std::string& path) {
    return ::flock(file.get(), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 ? Status()
                                                                               : refused(errno, path);
}

}  // namespace pmemckpt::media
