// Where to connect, and as whom, when the caller doesn't say: the environment, then what is usual.
#include <cstdlib>

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

}  // namespace

Options with_defaults(Options options) {
    fill(options.server, "PMEMCKPT_SERVER", "localhost");
    fill(options.pool, "PMEMCKPT_POOL", "");
    if (options.principal.empty())
        options.principal = default_principal();
    if (options.key_dir.empty())
        options.key_dir = default_key_directory();
    fill(options.transport, "PMEMCKPT_TRANSPORT", "auto");
    if (options.timeout_ms == 0)
        options.timeout_ms = Options{}.timeout_ms;
    return options;
}

}  // namespace pmemckpt::client
