#pragma once
// Both engines: RDMA devices where they reach the peer, else iWARP in user space.
#include <memory>

#include "lib/rdma/engine.hh"

namespace pmemckpt::rdma {

/// Each connection and listener says in one line which engine it took and why.
std::unique_ptr<Engine> make_auto_engine(std::unique_ptr<Engine> verbs, std::unique_ptr<Engine> iwarp,
                                         const EngineOptions& options);

}  // namespace pmemckpt::rdma
