// Where to connect, and as whom, when the caller doesn't say: the environment, then what is usual.
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "lib/base/keys.hh"
#include "lib/client/client.hh"

namespace pmemckpt::client {

namespace {

void fill(std::string& field, const char* variable, const char* otherwise) {
    if (!field.empty())
        return;
    const char* value = std::getenv(variable);
    field = value && *value ? value : otherwise;
}

/// Empty when this process's user has no name; then the principal must be given.
std::string login_name() {
    constexpr std::size_t kRoom = 16 * 1024;  // _SC_GETPW_R_SIZE_MAX is a hint, and smaller
    std::vector<char> room(kRoom);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::geteuid(), &entry, room.data(), room.size(), &found) != 0 || !found)
        return {};
    return entry.pw_name;
}

}  // namespace

Options with_defaults(Options options) {
    fill(options.server, "PMEMCKPT_SERVER", "localhost");
    fill(options.pool, "PMEMCKPT_POOL", "");
    fill(options.principal, "PMEMCKPT_PRINCIPAL", "");
    if (options.principal.empty())
        options.principal = login_name();
    if (options.key_dir.empty())
        options.key_dir = default_key_directory();
    fill(options.transport, "PMEMCKPT_TRANSPORT", "auto");
    if (options.timeout_ms == 0)
        options.timeout_ms = Options{}.timeout_ms;
    return options;
}

}  // namespace pmemckpt::client
