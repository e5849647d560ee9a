#include "lib/rdma/entrance.hh"

namespace pmemckpt::rdma {

std::shared_ptr<Handler> Entrance::enter(const std::shared_ptr<Connection>& connection) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return acceptor_ ? acceptor_(connection) : nullptr;
}

void Entrance::close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    acceptor_ = nullptr;
}

}  // namespace pmemckpt::rdma
