#pragma once
// The queue pair of one connection, and the completions of both its queues.
#include <infiniband/verbs.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>

#include "lib/rdma/verbs/domain.hh"
#include "lib/rdma/verbs/flush.hh"

namespace pmemckpt::rdma::verbs {

/// Work requests of the send queue that the device has at the same time; more wait in SendQueue.
inline constexpr std::uint32_t kSendDepth = 128;
/// Messages that may come before the first of them is looked at: a client's unanswered requests (128), what
/// it tells without asking (16), and some. iWARP ends a connection that finds no buffer.
inline constexpr std::uint32_t kReceiveDepth = 160;

class QueuePair {
public:
    static Result<std::unique_ptr<QueuePair>> make(const std::shared_ptr<Domain>& domain);
    QueuePair(const QueuePair&) = delete;
    QueuePair& operator=(const QueuePair&) = delete;
    ~QueuePair() { destroy(); }
    /// On return the device touches no memory of any work any more. Nothing may be posted any more, or
    /// polled.
    void destroy();

    /// Readable when there are completions, if armed.
    int descriptor() const { return channel_->fd; }
    std::uint32_t inline_bytes() const { return inline_bytes_; }
    std::uint32_t send_depth() const { return send_depth_; }

    Status post_send(ibv_send_wr& work);
    Status post_flush(const FlushRequest& flush);
    bool flushes() const { return flushes_; }
    Status post_receive(ibv_recv_wr& work);
    /// How many there were. EIO when the device gives no completions any more.
    Result<std::size_t> poll(std::span<ibv_wc> into);
    /// descriptor() gets readable at the next completion; what came before must be polled after this. Does
    /// nothing when that was asked for and has not happened.
    Status arm();
    bool is_armed() const { return armed_; }
    /// After descriptor() was readable.
    void forget_event();
    /// On return no access of the peer that was under way in the device's software is under way any more.
    void wait_for_receiver();
    /// The device refuses all that comes, and gives up all that is posted.
    void fail_all();

private:
    explicit QueuePair(std::shared_ptr<Domain> domain) : domain_(std::move(domain)) {}
    Status make_queues();
    bool make_pair(std::uint32_t inline_bytes);

    const std::shared_ptr<Domain> domain_;
    CompletionChannel channel_;
    Cq completions_;
    std::uint32_t inline_bytes_ = 0;
    std::uint32_t send_depth_ = 0;
    bool armed_ = false, flushes_ = false;
    std::mutex existing_;  // held while the pair is changed or destroyed
};

}  // namespace pmemckpt::rdma::verbs
