#include "lib/rdma/verbs/hidden_devices.hh"

#include <fcntl.h>
#include <fmt/core.h>

#include <cerrno>
#include <filesystem>
#include <set>

#include "lib/base/handle.hh"

namespace pmemckpt::rdma::verbs {

namespace {

/// "rxe0, siw0"; empty when there are none.
std::string names_in(const std::string& sysfs) {
    std::error_code none;
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(sysfs, none))
        names.insert(entry.path().filename().string());
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

}  // namespace

tl::unexpected<Error> no_connection_manager(int code) {
    return fail(code, "{}{}", system_error(code, "the RDMA connection manager can't be reached").message,
                hidden_devices(true));
}

std::string hidden_devices(bool are_listed, const std::string& sysfs, const std::string& connection_manager) {
    const auto names = names_in(sysfs);
    if (names.empty())
        return {};
    if (!FileDescriptor(::open(connection_manager.c_str(), O_RDWR | O_CLOEXEC)))
        return "; the kernel has " + names + ", but " +
               system_error(errno, connection_manager + " can't be opened").message +
               " (a sandbox hides it, such as PrivateDevices=yes of a service of systemd, see pmemckptd(8); "
               "or the module rdma_ucm is not loaded)";
    if (are_listed)
        return {};
    return "; the kernel has " + names +
           ", but libibverbs has no driver for it (is the package ibverbs-providers installed, and the "
           "module ib_uverbs loaded?)";
}

}  // namespace pmemckpt::rdma::verbs
