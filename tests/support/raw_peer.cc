#include "tests/support/raw_peer.hh"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "lib/rdma/engine.hh"
#include "tests/support/transport.hh"

namespace pmemckpt::test {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kLimit{30};

std::optional<ibv_wc> next_of(ibv_cq* queue) {
    ibv_wc completion{};
    if (ibv_poll_cq(queue, 1, &completion) == 0)
        return std::nullopt;
    return completion;
}

ibv_wc wait_next(ibv_cq* queue) {
    const auto end = Clock::now() + kLimit;
    for (;;) {
        if (const auto completion = next_of(queue))
            return *completion;
        CHECK(Clock::now() < end);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace

RawPeer::RawPeer(const Address& address) : messages_((kReceives + 1) * rdma::kMaximumMessage) {
    rdma_addrinfo hints{}, *found = nullptr;
    hints.ai_port_space = RDMA_PS_TCP;
    CHECK(::rdma_getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) ==
          0);
    ibv_qp_init_attr attributes{};
    attributes.cap = {kDepth, kReceives, 1, 1, 0};
    attributes.sq_sig_all = 1;
    const int made = ::rdma_create_ep(&id_, found, nullptr, &attributes);
    ::rdma_freeaddrinfo(found);
    CHECK(made == 0);
    region_ = ibv_reg_mr(id_->pd, memory_.data(), memory_.size(), IBV_ACCESS_LOCAL_WRITE);
    message_region_ = ibv_reg_mr(id_->pd, messages_.data(), messages_.size(), IBV_ACCESS_LOCAL_WRITE);
    CHECK(region_ != nullptr && message_region_ != nullptr);
    for (std::uint64_t number = 0; number < kReceives; ++number)
        post_receive(number);
    rdma_conn_param wish{};
    wish.responder_resources = wish.initiator_depth = 1;
    wish.retry_count = wish.rnr_retry_count = 7;
    CHECK(::rdma_connect(id_, &wish) == 0);
}

RawPeer::~RawPeer() {
    ::rdma_disconnect(id_);
    ibv_dereg_mr(region_);
    ibv_dereg_mr(message_region_);
    ::rdma_destroy_ep(id_);
}

void RawPeer::post_receive(std::uint64_t number) {
    std::byte* const place = &messages_[number * rdma::kMaximumMessage];
    ibv_sge piece{reinterpret_cast<std::uintptr_t>(place), rdma::kMaximumMessage, message_region_->lkey};
    ibv_recv_wr work{}, *refused = nullptr;
    work.wr_id = number;
    work.sg_list = &piece;
    work.num_sge = 1;
    CHECK(ibv_post_recv(id_->qp, &work, &refused) == 0);
}

void RawPeer::send(std::span<const std::byte> message) {
    CHECK(message.size() <= rdma::kMaximumMessage);
    std::byte* const place = &messages_[kReceives * rdma::kMaximumMessage];
    std::memcpy(place, message.data(), message.size());
    post_from({reinterpret_cast<std::uintptr_t>(place), static_cast<std::uint32_t>(message.size()),
               message_region_->lkey},
              IBV_WR_SEND, 0, 0);
    equal(static_cast<int>(completion()), static_cast<int>(IBV_WC_SUCCESS));
}

Bytes RawPeer::receive() {
    const auto completion = wait_next(id_->recv_cq);
    equal(static_cast<int>(completion.status), static_cast<int>(IBV_WC_SUCCESS));
    const auto first =
        messages_.begin() + static_cast<std::ptrdiff_t>(completion.wr_id * rdma::kMaximumMessage);
    Bytes message(first, first + completion.byte_len);
    post_receive(completion.wr_id);
    return message;
}

void RawPeer::post(ibv_wr_opcode opcode, std::size_t bytes, std::uint32_t key, std::uint64_t address) {
    CHECK(bytes <= memory_.size());
    post_from(
        {reinterpret_cast<std::uintptr_t>(memory_.data()), static_cast<std::uint32_t>(bytes), region_->lkey},
        opcode, key, address);
}

void RawPeer::post_from(ibv_sge piece, ibv_wr_opcode opcode, std::uint32_t key, std::uint64_t address) {
    ibv_send_wr work{}, *refused = nullptr;
    work.sg_list = &piece;
    work.num_sge = 1;
    work.opcode = opcode;
    work.send_flags = IBV_SEND_SIGNALED;
    if (opcode == IBV_WR_ATOMIC_CMP_AND_SWP || opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
        work.wr.atomic.remote_addr = address;
        work.wr.atomic.rkey = key;
        work.wr.atomic.compare_add = 1;
    } else {
        work.wr.rdma.remote_addr = address;
        work.wr.rdma.rkey = key;
    }
    CHECK(ibv_post_send(id_->qp, &work, &refused) == 0);
}

ibv_wc_status RawPeer::completion() {
    return wait_next(id_->send_cq).status;
}

bool RawPeer::is_told_of_its_end() {
    const auto received = next_of(id_->recv_cq);
    return received && received->status != IBV_WC_SUCCESS;
}

void RawPeer::post_refused(ibv_wr_opcode opcode, std::size_t bytes, std::uint32_t key, std::uint64_t address,
                           const Place& place) {
    post(opcode, bytes, key, address);
    const auto end = Clock::now() + (over_siw() ? Clock::duration(kSiwTime) : Clock::duration(kLimit));
    while (Clock::now() < end && !is_told_of_its_end()) {
        const auto sent = next_of(id_->send_cq);
        if (sent && sent->status != IBV_WC_SUCCESS)
            return;
        // On iWARP a write is done when it has left.
        if (sent && !(over_siw() && opcode == IBV_WR_RDMA_WRITE))
            fail_at(place, "what should be refused is done");
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (Clock::now() >= end && !over_siw())
        fail_at(place, "nothing came of what should be refused");
}

bool RawPeer::is_untouched() const {
    return std::all_of(memory_.begin(), memory_.end(), [](std::byte b) { return b == kPoison; });
}

}  // namespace pmemckpt::test
