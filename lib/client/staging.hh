#pragma once
// Memory that small records are copied into: blocks, each of them sent before it is filled anew. What is
// staged lies in the log's order, so one write sends many records.
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "lib/client/session.hh"

namespace pmemckpt::client {

class Staging {
public:
    explicit Staging(std::shared_ptr<Session> session) : session_(std::move(session)) {}

    /// Free bytes of the present block: at least 1 after advance() when is_full().
    std::size_t room() const { return kStagingBlock - filled_; }
    bool is_full() const { return room() == 0; }
    /// At most room() bytes.
    Status put(std::span<const std::byte> bytes);
    /// Bytes put and not yet taken to be sent.
    std::size_t unsent() const { return filled_ - sent_; }
    struct Part {
        std::shared_ptr<rdma::Registration> registration;
        Extent extent;
        std::shared_ptr<InFlight> in_flight;
    };
    /// What is unsent: all of it is sent next.
    Part take();
    /// To the next block; waits until its last write is done. All of this one must have been taken.
    Status advance();

private:
    struct Block {
        std::vector<std::byte> memory;
        std::shared_ptr<rdma::Registration> registration;
        std::shared_ptr<InFlight> in_flight = std::make_shared<InFlight>();
    };
    Block& block() { return blocks_[present_]; }

    std::shared_ptr<Session> session_;
    std::array<Block, kStagingBlocks> blocks_;
    std::size_t present_ = 0;
    std::size_t filled_ = 0, sent_ = 0;  // of the present block
};

}  // namespace pmemckpt::client
