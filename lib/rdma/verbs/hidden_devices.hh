#pragma once
// RDMA devices that the kernel has, and this process can't use.
#include <string>

#include "lib/base/result.hh"

namespace pmemckpt::rdma::verbs {

/// The end of a sentence that says that there is no device: "; the kernel has rxe0, but ...", with what to
/// do. Empty when the kernel has none, and when its connection manager can be opened and `are_listed`:
/// libibverbs has named devices.
std::string hidden_devices(bool are_listed, const std::string& sysfs = "/sys/class/infiniband",
                           const std::string& connection_manager = "/dev/infiniband/rdma_cm");

/// Of a call of librdmacm's, the first one, that failed with `code`.
tl::unexpected<Error> no_connection_manager(int code);

}  // namespace pmemckpt::rdma::verbs
