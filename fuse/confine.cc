#include "fuse/confine.hh"

#include "lib/confine/capabilities.hh"
#include "lib/confine/filter.hh"
#include "lib/confine/hardening.hh"

namespace pmemckpt::view {

Status confine_mount(confine::Mode mode) {
    if (mode == confine::Mode::off)
        return {};
    TRY(confine::harden());
    TRY(confine::drop_capabilities());
    return confine::restrict_system_calls(confine::calls_of_mount(), mode);
}

}  // namespace pmemckpt::view
