#pragma once
// What a device says of failed work, as sentences.
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include "lib/base/result.hh"

namespace pmemckpt::rdma::verbs {

/// Of a work completion that is neither a success nor flushed (those tell nothing).
Error completion_error(const ibv_wc& completion);
/// Of an event of the connection manager that ends a start-up.
Error start_up_error(const rdma_cm_event& event);

}  // namespace pmemckpt::rdma::verbs
