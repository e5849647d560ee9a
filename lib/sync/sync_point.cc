#include "lib/sync/sync_point.hh"

namespace pmemckpt::sync {

std::string to_string(const SyncPointId& id) {
    return fmt::format("{} ({:02x}{:02x}{:02x}{:02x})", id.number, id.tag[0], id.tag[1], id.tag[2],
                       id.tag[3]);
}

}  // namespace pmemckpt::sync
