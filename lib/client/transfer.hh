#pragma once
// The operations in flight of one writer, or of one read(): large ranges go in pieces, a bounded number at a
// time.
#include <memory>

#include "lib/client/buffer.hh"
#include "lib/client/session.hh"

namespace pmemckpt::client {

/// Threads: one at a time. Nothing it posted is in flight any more when it is gone.
class Transfer {
public:
    Transfer(std::shared_ptr<Session> session, const wire::Window& window, std::size_t most_in_flight);
    ~Transfer();
    /// For operations that name their window themselves.
    Transfer(std::shared_ptr<Session> session, std::size_t most_in_flight);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// Posts one RDMA Write of at most kPieceBytes; waits while too many are in flight. `buffer` may be null.
    Status write(const std::shared_ptr<rdma::Registration>& local, Extent from, Offset offset,
                 const RegisteredBuffer* buffer);
    Status write(const std::shared_ptr<rdma::Registration>& local, Extent from, const wire::Window& window,
                 Offset offset, std::shared_ptr<InFlight> buffer);
    /// Posts one RDMA Read of at most kPieceBytes.
    Status read(const std::shared_ptr<rdma::Registration>& local, Extent into, const wire::Window& window,
                Offset offset);
    /// Posts one RDMA FLUSH.
    Status flush(const wire::Window& window, Offset offset, std::uint64_t size);
    bool is_idle() const { return gathered_.empty() && in_flight_->count() == 0; }
    /// Posts RDMA Reads of [offset, offset + into.size) to all of `local`.
    Status read(const std::shared_ptr<rdma::Registration>& local, Offset offset);
    /// Waits until nothing is in flight; the first error of any, or the connection's.
    Status drain();

    /// While it lives, what is posted waits, as long as it is not too much; then it goes out together.
    class Gathering {
    public:
        explicit Gathering(Transfer& transfer) : transfer_(transfer) { transfer_.is_gathering_ = true; }
        ~Gathering() { transfer_.post_gathered(); }
        Gathering(const Gathering&) = delete;
        Gathering& operator=(const Gathering&) = delete;

    private:
        Transfer& transfer_;
    };

private:
    Status post(Operation operation);
    Status post_gathered();
    Status wait_for_room();
    Status failure() const;

    std::shared_ptr<Session> session_;
    const rdma::Grant window_;
    const std::size_t most_in_flight_;
    std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
    bool is_gathering_ = false;
    std::vector<Operation> gathered_;
};

/// Waits until `in_flight` is empty, whatever it takes: a connection on which nothing moves is ended for it.
void wait_until_unused(InFlight& in_flight, Session& session);

}  // namespace pmemckpt::client
