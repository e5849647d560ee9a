#include "driver/admin_place.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace pmemckpt::driver {

namespace {

/// The directory made, when it is missing, for this user alone.
bool make_private_directory(const std::string& path) {
    return ::mkdir(path.c_str(), 0700) == 0 || (errno == EEXIST && ::access(path.c_str(), W_OK) == 0);
}

/// Empty: there is none.
std::string place_of_this_user() {
    constexpr const char* kSystem = "/run/pmemckpt";  // of a user's own service, systemd has made it
    if ((::geteuid() == 0 || ::access(kSystem, W_OK) == 0) && make_private_directory(kSystem))
        return kSystem;
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (!runtime || !*runtime || !make_private_directory(std::string(runtime) + "/pmemckpt"))
        return {};
    return std::string(runtime) + "/pmemckpt";
}

}  // namespace

Result<std::string> make_admin_place(const AdminPeers& peers) {
    const auto directory = place_of_this_user();
    if (directory.empty())
        return std::string();
    if (peers.owner || peers.group)
        TRY(give_to(peers, directory, 0700, 0750));
    return directory + "/admin.sock";
}

}  // namespace pmemckpt::driver
