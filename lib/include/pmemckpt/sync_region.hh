// sync_region.h for C++17 and later. Header only, over the C API alone. See pmemckpt-sync(3).
#ifndef PMEMCKPT_SYNC_REGION_HH
#define PMEMCKPT_SYNC_REGION_HH

#include "sync.hh"
#include "sync_region.h"

namespace pmemckpt::api::sync {

/// For Participant::Options::storage, in this region; a state has `state_bytes` at most. Its participant
/// closes it: so it is made for one.
inline pmemckpt_sync_storage open_region(const std::string& region, std::uint64_t state_bytes,
                                         const pmemckpt_options& options = {}) {
    pmemckpt_sync_storage storage;
    const int status = pmemckpt_sync_region_open(&options, region.c_str(), state_bytes, &storage);
    if (status < 0)
        throw Error(-status, pmemckpt_error());
    return storage;
}

}  // namespace pmemckpt::api::sync

#endif
