#include "lib/base/address_file.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "lib/base/handle.hh"

namespace pmemckpt {

Status write_address_file(const std::string& path, const std::vector<Address>& addresses) {
    std::string text;
    for (const auto& address : addresses)
        text += format_address(address) + "\n";
    const auto draft = fmt::format("{}.{}.new", path, ::getpid());
    FileDescriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file)
        return fail_errno(errno, "can't write address file {}", path);
    const auto written = ::write(file.get(), text.data(), text.size());
    if (written == static_cast<ssize_t>(text.size()) && ::rename(draft.c_str(), path.c_str()) == 0)
        return {};
    const int code = written >= 0 && written < static_cast<ssize_t>(text.size()) ? ENOSPC : errno;
    ::unlink(draft.c_str());
    return fail_errno(code, "can't write address file {}", path);
}

}  // namespace pmemckpt
