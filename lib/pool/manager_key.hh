#pragma once
// The key of a pool's manager, where it lies: pool-UUID.key in a key directory.
#include <string>

#include "lib/base/keys.hh"
#include "lib/base/result.hh"
#include "lib/base/uuid.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::pool {

struct FoundKey {
    Key key;
    /// A change of keys was cut: the pool has this one already, and its file still has the name of the next.
    bool is_next = false;
};

/// The key in the directory that the pool on the medium names. ENOENT when there is none, EPERM when others
/// may read it; EKEYREJECTED when it is another one; EUCLEAN when no superblock verifies by its checksum;
/// EPROTONOSUPPORT when its format is not known here.
Result<FoundKey> find_manager_key(const media::Medium& medium, const std::string& directory);

/// The same, and a key that the pool does not name is the answer as well, when its file has the pool's name:
/// to show that somebody without it wrote there.
Result<Key> find_key_to_verify_with(const media::Medium& medium, const std::string& directory);

/// The end of a change of keys that was cut: the next key is the pool's key from here on, and that of before
/// is gone. Once the pool was opened with it.
Status end_change_of_key(const std::string& directory, const Uuid& pool);

}  // namespace pmemckpt::pool
