#pragma once
// One manager a medium: locks that die with their holder.
#include <string>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::media {

/// Exclusive lock of the whole file, on the open file description. EBUSY when another has one of either kind.
Status lock_file(const FileDescriptor& file, const std::string& path);
/// Shared lock of the whole file, for which it need not be open for writing. EBUSY when another has it
/// exclusively.
Status lock_file_shared(const FileDescriptor& file, const std::string& path);

/// The same of what has no inode of its own for all that name it: by flock(2), exclusive or shared, of a file
/// that is open for reading.
Status lock_name(const FileDescriptor& file, bool exclusive, const std::string& path);

}  // namespace pmemckpt::media
