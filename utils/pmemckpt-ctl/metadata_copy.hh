#pragma once
// A pool's metadata, byte for byte, in a file beside it: what a repair changes, and the way back.
#include <cstddef>
#include <span>
#include <string>

#include "lib/base/result.hh"
#include "lib/media/medium.hh"
#include "lib/pool/repair.hh"

namespace pmemckpt::ctl {

/// "POOL.metadata-20261121T095403Z", of this moment.
std::string default_copy_name(const std::string& pool);

/// Makes `path` with these bytes, mode 600, on disk with its name when it returns. EEXIST when something is
/// there; on any error nothing is left.
Status write_copy(const std::string& path, std::span<const std::byte> metadata);

/// Brings the records of each log to a file of its own, on disk, in the folder `directory`, which is made;
/// nothing is made when there are none. EEXIST when the folder is there.
Status write_remains(const std::string& directory, const std::vector<pool::LogRemains>& remains);
/// Where in the folder.
std::string file_of(const pool::LogRemains& remains);

/// The same in a file beside the pool, with a name that nothing has yet, which is returned.
Result<std::string> write_copy_beside(const std::string& pool, std::span<const std::byte> metadata);

/// Puts a copy back, durably, and returns the file that has what was there before. EINVAL when it is none of
/// this pool, or when the pool was changed since its repair, or can't be opened to tell, and `force` is not
/// given.
Result<std::string> restore_copy(media::Medium& medium, const std::string& path, bool force);

}  // namespace pmemckpt::ctl
