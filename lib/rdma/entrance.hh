#pragma once
// A listener's acceptor, till the listener goes.
#include <memory>
#include <mutex>

#include "lib/rdma/engine.hh"

namespace pmemckpt::rdma {

/// Threads: all calls may come from any thread.
class Entrance {
public:
    explicit Entrance(Acceptor acceptor) : acceptor_(std::move(acceptor)) {}
    /// nullptr: refused, or the listener has gone.
    std::shared_ptr<Handler> enter(const std::shared_ptr<Connection>& connection);
    /// On return the acceptor is not called any more.
    void close();

private:
    std::mutex mutex_;  // held while the acceptor runs: close() waits for it
    Acceptor acceptor_;
};

}  // namespace pmemckpt::rdma
