#pragma once
// Capabilities, capabilities(7): given up for good.
#include <string>
#include <vector>

#include "lib/base/result.hh"
#include "lib/confine/privileges.hh"

namespace pmemckpt::confine {

/// "CAP_CHOWN", ...; those that are younger than this program are "CAP_41" and its like.
std::vector<std::string> names_of(CapabilitySet capabilities);

/// Nothing that is executed gets any. Of the calling thread, and those that it starts. Without CAP_SETPCAP
/// the set stays as it is.
Status empty_bounding_set();

/// Those and no others, of the calling thread: permitted and effective. Who has them not gets none of them.
Status keep_capabilities(CapabilitySet capabilities);

/// Of all threads, those that are started meanwhile, too: inheritable, permitted, effective and ambient ones.
/// On return the kernel says of each thread that it has none. ETIMEDOUT when one does not come to it. Once.
Status drop_capabilities();

}  // namespace pmemckpt::confine
