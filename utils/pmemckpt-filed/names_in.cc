#include "utils/pmemckpt-filed/names_in.hh"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <memory>

#include "lib/base/handle.hh"

namespace pmemckpt::filed {

Result<std::vector<std::string>> names_in(int folder) {
    const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, Closer<::closedir>> directory(copy < 0 ? nullptr : ::fdopendir(copy));
    if (!directory)
        return fail_errno(errno, "can't list a folder");
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const auto* const entry = ::readdir(directory.get());
        if (!entry && errno != 0)
            return fail_errno(errno, "can't list a folder");
        if (!entry)
            return names;
        if (const std::string name = entry->d_name; name != "." && name != "..")
            names.push_back(name);
    }
}

}  // namespace pmemckpt::filed
