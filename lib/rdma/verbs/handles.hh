#pragma once
// Owners of what librdmacm and libibverbs hand out.
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include <memory>

#include "lib/base/handle.hh"

namespace pmemckpt::rdma::verbs {

/// The library's own is inline, and no two files have the same one.
inline void dealloc_mw(ibv_mw* window) {
    ibv_dealloc_mw(window);
}

using CmChannel = std::unique_ptr<rdma_event_channel, Closer<rdma_destroy_event_channel>>;
using CmId = std::unique_ptr<rdma_cm_id, Closer<rdma_destroy_id>>;
using Pd = std::unique_ptr<ibv_pd, Closer<ibv_dealloc_pd>>;
using Mr = std::unique_ptr<ibv_mr, Closer<ibv_dereg_mr>>;
using Mw = std::unique_ptr<ibv_mw, Closer<dealloc_mw>>;
using CompletionChannel = std::unique_ptr<ibv_comp_channel, Closer<ibv_destroy_comp_channel>>;
using Cq = std::unique_ptr<ibv_cq, Closer<ibv_destroy_cq>>;

}  // namespace pmemckpt::rdma::verbs
