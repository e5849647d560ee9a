#pragma once
// The responder's side of Reads: requests of the peer, answered in their order, each when what the peer had
// written before it is durable.
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "lib/rdma/iwarp/ddp.hh"
#include "lib/rdma/iwarp/window_table.hh"

namespace pmemckpt::rdma::iwarp {

/// Bytes of one window that were written before a Read.
struct DirtyWindow {
    std::shared_ptr<Window> window;
    std::vector<Extent> extents;
};

struct InboundRead {
    ReadRequest request;
    std::shared_ptr<Window> window;   ///< none for the empty Read that begins a peer-to-peer connection
    std::vector<DirtyWindow> before;  ///< to be made durable first
    std::uint64_t sent = 0;
};

/// Threads: the connection's own.
class ResponseQueue {
public:
    void push(InboundRead read) { reads_.push_back(std::move(read)); }
    std::size_t size() const { return reads_.size(); }
    bool empty() const { return reads_.empty(); }
    /// The one whose turn it is, if nothing is to be persisted before it.
    InboundRead* ready();
    void pop() { reads_.pop_front(); }
    void clear() { reads_.clear(); }

    /// What is to be persisted next; nothing when nothing is or something is under way.
    std::optional<std::vector<DirtyWindow>> start_persist();
    bool persisting() const { return persisting_; }
    void persist_done();

private:
    InboundRead* first_waiting();

    std::deque<InboundRead> reads_;
    bool persisting_ = false;  // for first_waiting()
};

}  // namespace pmemckpt::rdma::iwarp
