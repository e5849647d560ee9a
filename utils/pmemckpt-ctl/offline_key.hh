#pragma once
// The manager key of a pool for commands that look at media themselves.
#include <optional>
#include <string>

#include "lib/base/keys.hh"
#include "lib/media/medium.hh"
#include "utils/pmemckpt-ctl/commands.hh"

namespace pmemckpt::ctl {

struct OfflineKey {
    std::optional<Key> key;
    std::string why_not;  ///< without one: a sentence

    const Key* get() const { return key ? &*key : nullptr; }
};
/// Who only looks goes on without a key, and says that MACs were not verified.
OfflineKey key_to_look_with(const media::Medium& medium, const Common& common);

/// Who writes needs it. ENOENT, with where it was looked for; EUCLEAN when no superblock says which one.
Result<Key> key_to_write_with(const media::Medium& medium, const Common& common);

}  // namespace pmemckpt::ctl
