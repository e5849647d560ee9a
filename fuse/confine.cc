#include "fuse/confine.hh"

#include "lib/confine/capabilities.hh"
#include "lib/confine/hardening.hh"

namespace pmemckpt::view {

Status confine_mount(confine::Mode mode, std::string_view transport, const confine::Filter& filter) {
    if (mode == confine::Mode::off)
        return {};
    if (confine::needs_its_credentials(transport)) {
        TRY(confine::harden_with_these_credentials());
    } else {
        TRY(confine::harden());
        TRY(confine::drop_capabilities());
    }
    return filter.enter();
}

}  // namespace pmemckpt::view
