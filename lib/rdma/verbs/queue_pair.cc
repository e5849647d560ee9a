#include "lib/rdma/verbs/queue_pair.hh"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace pmemckpt::rdma::verbs {

namespace {

constexpr std::uint32_t kInlineBytes = 220;  // a small request or answer; what most devices can

/// libsiw takes the key 0x90000 of a mapping for none (SIW_INVAL_UOBJ_KEY); to the kernel it is the one
/// behind 144 pages. The queues of a connection are 5, 4 and 7 pages of siw, and so the tenth would begin
/// there, and there would be none. With a larger completion queue (9 pages) none does, unless connections
/// come and go at the same time, and leave a gap there.
std::uint32_t completion_depth(std::uint32_t work, bool iwarp) {
    constexpr std::uint32_t kNextSize = 513;
    return iwarp ? std::max(work, kNextSize) : work;
}

}  // namespace

Result<std::unique_ptr<QueuePair>> QueuePair::make(const std::shared_ptr<Domain>& domain) {
    auto pair = std::unique_ptr<QueuePair>(new QueuePair(domain));
    TRY(pair->make_queues());
    return pair;
}

Status QueuePair::make_queues() {
    const auto device = domain_->id()->verbs;
    const auto& traits = domain_->traits();
    if (traits.work_requests < kReceiveDepth)
        return fail(ENODEV, "RDMA device {} has queues of {} entries; {} are needed", traits.device,
                    traits.work_requests, kReceiveDepth);
    send_depth_ = std::min(kSendDepth, traits.work_requests);
    channel_.reset(ibv_create_comp_channel(device));
    if (!channel_ || ::fcntl(channel_->fd, F_SETFL, O_NONBLOCK) != 0)
        return fail_errno(errno, "RDMA device {} gives no completion channel", traits.device);
    const auto depth = completion_depth(send_depth_ + kReceiveDepth, traits.iwarp);
    completions_.reset(ibv_create_cq(device, static_cast<int>(depth), nullptr, channel_.get(), 0));
    if (!completions_)
        return fail_errno(errno, "RDMA device {} gives no completion queue", traits.device);
    if (!make_pair(kInlineBytes) && !make_pair(0))
        return fail_errno(errno, "RDMA device {} gives no queue pair", traits.device);
    return arm();
}

bool QueuePair::make_pair(std::uint32_t inline_bytes) {
    ibv_qp_init_attr attributes{};
    attributes.send_cq = attributes.recv_cq = completions_.get();
    attributes.qp_type = IBV_QPT_RC;
    attributes.cap = {send_depth_, kReceiveDepth, 1, 1, inline_bytes};
    flushes_ = domain_->traits().flushes && make_flushing_pair(domain_->id(), domain_->pd(), attributes);
    if (!flushes_ && ::rdma_create_qp(domain_->id(), domain_->pd(), &attributes) != 0)
        return false;
    inline_bytes_ = std::min(inline_bytes, attributes.cap.max_inline_data);
    return true;
}

void QueuePair::destroy() {
    const std::lock_guard lock(existing_);
    if (domain_->id()->qp)
        ::rdma_destroy_qp(domain_->id());
}

Status QueuePair::post_send(ibv_send_wr& work) {
    ibv_send_wr* refused = nullptr;
    if (const int code = ibv_post_send(domain_->id()->qp, &work, &refused); code != 0)
        return fail_errno(std::abs(code), "RDMA device {} takes no work", domain_->traits().device);
    return {};
}

Status QueuePair::post_flush(const FlushRequest& flush) {
    if (const int code = verbs::post_flush(domain_->id()->qp, flush); code != 0)
        return fail_errno(std::abs(code), "RDMA device {} takes no flush", domain_->traits().device);
    return {};
}

Status QueuePair::post_receive(ibv_recv_wr& work) {
    ibv_recv_wr* refused = nullptr;
    if (const int code = ibv_post_recv(domain_->id()->qp, &work, &refused); code != 0)
        return fail_errno(std::abs(code), "RDMA device {} takes no receive buffer", domain_->traits().device);
    return {};
}

Result<std::size_t> QueuePair::poll(std::span<ibv_wc> into) {
    const int count = ibv_poll_cq(completions_.get(), static_cast<int>(into.size()), into.data());
    if (count < 0)
        return fail(EIO, "RDMA device {} gives no completions any more", domain_->traits().device);
    return static_cast<std::size_t>(count);
}

Status QueuePair::arm() {
    if (std::exchange(armed_, true))
        return {};
    if (const int code = ibv_req_notify_cq(completions_.get(), 0); code != 0)
        return fail_errno(code, "RDMA device {} tells of no completions", domain_->traits().device);
    return {};
}

/// The device tells once each time it was armed.
void QueuePair::forget_event() {
    ibv_cq* queue = nullptr;
    void* ours = nullptr;
    if (ibv_get_cq_event(channel_.get(), &queue, &ours) != 0)
        return;
    ibv_ack_cq_events(completions_.get(), 1);
    armed_ = false;
}

/// siw places bytes where the kernel's readers of RCU run, and looks before each piece whether the region
/// lives: all that began before this has ended after it.
void QueuePair::wait_for_receiver() {
    if (domain_->traits().iwarp)
        ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

void QueuePair::fail_all() {
    const std::lock_guard lock(existing_);
    ibv_qp_attr attributes{};
    attributes.qp_state = IBV_QPS_ERR;
    if (domain_->id()->qp)
        ibv_modify_qp(domain_->id()->qp, &attributes, IBV_QP_STATE);
}

}  // namespace pmemckpt::rdma::verbs
