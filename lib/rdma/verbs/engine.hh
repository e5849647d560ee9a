#pragma once
// RDMA devices by librdmacm and libibverbs: the device moves the bytes and checks each access against the
// windows that it was told of.
#include <memory>
#include <string>
#include <vector>

#include "lib/rdma/engine.hh"

namespace pmemckpt::rdma::verbs {

/// ENODEV without a device. The options have been checked.
Result<std::unique_ptr<Engine>> make_verbs_engine(const EngineOptions& options);

struct Device {
    std::string name;  ///< "rxe0"
    bool iwarp;        ///< speaks iWARP; InfiniBand or RoCE otherwise
};
/// Where the system knows nothing of RDMA there are none.
std::vector<Device> devices();

}  // namespace pmemckpt::rdma::verbs
