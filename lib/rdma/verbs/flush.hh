#pragma once
// RDMA FLUSH: the responder's adapter makes durable what was written through it. rdma-core has it from
// release 46 on; built with an older one, no device is said to have it.
#include <cstdint>

#include "lib/rdma/verbs/handles.hh"

namespace pmemckpt::rdma::verbs {

/// Whether it flushes to persistence.
bool device_flushes(ibv_context* device);
/// Of a region, or of a window, whose peer may.
int flush_rights();
/// rdma_create_qp(), for a pair that can; as there, `attributes.cap` becomes what the pair really has.
bool make_flushing_pair(rdma_cm_id* id, ibv_pd* pd, ibv_qp_init_attr& attributes);

struct FlushRequest {
    std::uint64_t number = 0;  ///< of the work request
    std::uint32_t key = 0;
    std::uint64_t address = 0, size = 0;
    bool signalled = true;
};
/// An errno, or 0.
int post_flush(ibv_qp* pair, const FlushRequest& flush);

}  // namespace pmemckpt::rdma::verbs
