#pragma once
// A checkpoint file in a storage that the program gives: struct pmemckpt_sync_storage of sync.h, where it is
// said what holds at which moment. A state is one segment, which its token names.
#include <memory>

#include "lib/sync/checkpoint_file.hh"
#include "pmemckpt/sync.h"

namespace pmemckpt::sync {

/// The storage is to be closed after it. EINVAL when a function is missing, or reserved is not NULL; EBADMSG
/// when its table is damaged, or something else; what the storage gives.
Result<std::unique_ptr<CheckpointFile>> open_storage(const pmemckpt_sync_storage& storage);

}  // namespace pmemckpt::sync
