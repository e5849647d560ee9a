#pragma once
// A session's end of its connection: who answers needs no thought whether the peer is still there.
#include <memory>
#include <mutex>
#include <span>

#include "lib/rdma/engine.hh"

namespace pmemckpt::driver {

/// Threads: all calls may come from any thread; none blocks. The engine is never called with the lock held.
class Channel {
public:
    explicit Channel(std::shared_ptr<rdma::Connection> connection) : connection_(std::move(connection)) {}

    /// Sends, or closes the connection when the peer reads no answers; a connection that is gone already is
    /// no error.
    void send(std::span<const std::byte> message);
    void close(Error why);

    Result<rdma::Grant> grant(rdma::Translation translation, rdma::Access access);
    /// On return the window is dead, by this call or because the connection is.
    void revoke(rdma::Key key);

    /// Whether what the peer wrote is durable when a read of it is answered; false when it is gone.
    bool reads_persist() const;
    rdma::Peer peer() const;
    /// After on_close: the connection is let go; its last counts stay.
    void release();
    bool is_open() const { return connection() != nullptr; }

private:
    std::shared_ptr<rdma::Connection> connection() const;

    mutable std::mutex mutex_;
    std::shared_ptr<rdma::Connection> connection_;
    rdma::Peer last_peer_;
};

}  // namespace pmemckpt::driver
