#pragma once
// RDMA in user space over TCP: the iWARP protocols (RFC 5040, 5041, 5044, 6581), for plain verbs hosts to
// talk to.
#include <memory>

#include "lib/rdma/engine.hh"

namespace pmemckpt::rdma::iwarp {

/// The options have been checked.
Result<std::unique_ptr<Engine>> make_iwarp_engine(const EngineOptions& options);

}  // namespace pmemckpt::rdma::iwarp
