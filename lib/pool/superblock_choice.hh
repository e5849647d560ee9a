#pragma once
// Which of the two superblock copies counts.
#include "lib/base/keys.hh"
#include "lib/base/result.hh"
#include "lib/format/superblock.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::pool {

struct SuperblockChoice {
    unsigned slot = 0;
    format::Superblock superblock;
    bool other_damaged = false;
    bool other_differs = false;
};

/// The newest that verifies. EUCLEAN when there is none, or they can't be read. With a manager key both must
/// be written with it: EKEYREJECTED otherwise. But of another format the newest is chosen whoever wrote it,
/// since nothing else in it is known, and beside one that names the key before it, that key's may lie: a
/// change of keys was cut.
Result<SuperblockChoice> choose_superblock(const media::Medium& medium, const Key* manager_key);

/// EUCLEAN when the first `size` bytes can't be read. On memory each line is loaded; a file's are left to the
/// file system: to look at holes can take room.
Status check_metadata(const media::Medium& medium, std::uint64_t size);

}  // namespace pmemckpt::pool
