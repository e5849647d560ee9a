#pragma once
// Gives a pool another manager key. man/pmemckpt-ctl.1, rekey-pool.
#include <string>

#include "lib/base/keys.hh"
#include "lib/base/result.hh"
#include "lib/base/uuid.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::pool {

struct Rekeyed {
    Uuid pool{};
    bool was_cut = false;  ///< an earlier change had come so far that only its end was left
};

/// Makes a new manager key, writes journal and superblocks under it, and leaves it in the directory as the
/// pool's; that of before is gone then. Cut at any moment, the pool is opened by one of the keys that lie
/// there, as find_manager_key finds it, and its state is the same. After a cut behind the switch, a second
/// call only comes to the end of the first one.
///
/// Not while the medium is used by anyone else: its lock is held by the caller. What find_manager_key and
/// recover() give; ENOSPC when the journal has no room for a snapshot.
Result<Rekeyed> rekey(media::Medium& medium, const std::string& key_directory);

/// From one key to another; the part of it that is on the medium.
Status rekey(media::Medium& medium, const Key& from, const Key& to);

}  // namespace pmemckpt::pool
