#pragma once
// Buffers for the peer's messages, all posted but those that are being looked at.
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "lib/rdma/verbs/queue_pair.hh"

namespace pmemckpt::rdma::verbs {

/// In a work request's id: it is a receive; the rest is the buffer's number.
inline constexpr std::uint64_t kReceiveMark = std::uint64_t{1} << 63;

class ReceiveRing {
public:
    static Result<std::unique_ptr<ReceiveRing>> make(const std::shared_ptr<Domain>& domain, QueuePair& pair);

    std::span<const std::byte> message(const ibv_wc& completion) const;
    /// The buffer may be filled again.
    Status give_back(const ibv_wc& completion);

private:
    explicit ReceiveRing(QueuePair& pair);
    Status post(std::uint64_t number);

    QueuePair& pair_;
    std::vector<std::byte> memory_;
    std::shared_ptr<LocalMemory> registered_;
};

}  // namespace pmemckpt::rdma::verbs
