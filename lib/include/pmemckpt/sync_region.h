/* Checkpoints of a participant of sync points as generations of a region. See pmemckpt-sync(3), pmemckpt-sync(7).
 *
 * A program that uses it needs libpmemckpt, and libpmemckpt-sync for sync.h; neither needs the other.
 */
#ifndef PMEMCKPT_SYNC_REGION_H
#define PMEMCKPT_SYNC_REGION_H

#include "pmemckpt.h"
#include "sync.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A storage for pmemckpt_participant_options, which closes it. Each state is a generation of `region`, pinned while it is held,
 * and each table one of `region`.table. Regions that are missing are made; a state has `state_bytes` at most then, and so it has
 * where the region has no limit of its own. 0: the region must be there and have one. `options` as for pmemckpt_connect.
 *
 * Who had these regions before is fenced: two participants can't have the same. When the manager can't be reached a sync point
 * fails, and the next one connects anew; a table whose commit was cut has the participant started anew.
 *
 * As pmemckpt_connect; -EBADMSG: what is there is no participant's, and nothing was changed; -ESTALE: another one has just
 * opened it; -ENOENT, -EINVAL: without `state_bytes`. pmemckpt_error() has the sentence. */
PMEMCKPT_API int pmemckpt_sync_region_open(const pmemckpt_options *options, const char *region, uint64_t state_bytes,
                                           pmemckpt_sync_storage *storage);

#ifdef __cplusplus
}
#endif
#endif
