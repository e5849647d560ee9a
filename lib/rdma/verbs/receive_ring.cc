#include "lib/rdma/verbs/receive_ring.hh"

namespace pmemckpt::rdma::verbs {

ReceiveRing::ReceiveRing(QueuePair& pair) : pair_(pair), memory_(kReceiveDepth * kMaximumMessage) {}

Result<std::unique_ptr<ReceiveRing>> ReceiveRing::make(const std::shared_ptr<Domain>& domain,
                                                       QueuePair& pair) {
    auto ring = std::unique_ptr<ReceiveRing>(new ReceiveRing(pair));
    ring->registered_ = TRY(LocalMemory::make(domain, ring->memory_));
    for (std::uint64_t number = 0; number < kReceiveDepth; ++number)
        TRY(ring->post(number));
    return ring;
}

Status ReceiveRing::post(std::uint64_t number) {
    ibv_sge piece{};
    piece.addr = reinterpret_cast<std::uintptr_t>(memory_.data() + number * kMaximumMessage);
    piece.length = kMaximumMessage;
    piece.lkey = registered_->key();
    ibv_recv_wr work{};
    work.wr_id = kReceiveMark | number;
    work.sg_list = &piece;
    work.num_sge = 1;
    return pair_.post_receive(work);
}

std::span<const std::byte> ReceiveRing::message(const ibv_wc& completion) const {
    const auto number = completion.wr_id & ~kReceiveMark;
    return std::span(memory_).subspan(number * kMaximumMessage, completion.byte_len);
}

Status ReceiveRing::give_back(const ibv_wc& completion) {
    return post(completion.wr_id & ~kReceiveMark);
}

}  // namespace pmemckpt::rdma::verbs
