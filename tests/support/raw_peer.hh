#pragma once
// A peer that posts its work requests by hand, over a device: librdmacm and libibverbs, with nothing in
// between. It says to a manager what a client would, and asks the device for what a client never would.
#include <rdma/rdma_verbs.h>

#include <span>
#include <vector>

#include "lib/base/address.hh"
#include "tests/support/talker.hh"

namespace pmemckpt::test {

class RawPeer final : public Talker {
public:
    static constexpr std::size_t kMemory = 256 * 1024;
    static constexpr std::byte kPoison{0xee};

    /// Connected, and no more.
    explicit RawPeer(const Address& address);
    RawPeer(const RawPeer&) = delete;
    RawPeer& operator=(const RawPeer&) = delete;
    ~RawPeer();

    void send(std::span<const std::byte> message) override;
    Bytes receive() override;

    /// From or into the beginning of its own memory, which is full of poison; any opcode of one sided work,
    /// or a send.
    void post(ibv_wr_opcode opcode, std::size_t bytes, std::uint32_t key = 0, std::uint64_t address = 0);
    /// Of the first that has none yet.
    ibv_wc_status completion();
    /// Posts it, and waits until the device tells that the other side has refused it; siw may tell nothing:
    /// see transport.hh.
    void post_refused(ibv_wr_opcode opcode, std::size_t bytes, std::uint32_t key, std::uint64_t address,
                      const Place& place = Place::current());
    /// Whether nothing was read into its memory.
    bool is_untouched() const;

private:
    static constexpr std::uint32_t kDepth = 64, kReceives = 16;

    void post_receive(std::uint64_t number);
    void post_from(ibv_sge piece, ibv_wr_opcode opcode, std::uint32_t key, std::uint64_t address);
    /// Whether the queue pair is at its end: what was posted comes back undone.
    bool is_told_of_its_end();

    std::vector<std::byte> memory_ = std::vector<std::byte>(kMemory, kPoison);
    std::vector<std::byte> messages_;  ///< kReceives to receive into, and one to send from
    rdma_cm_id* id_ = nullptr;
    ibv_mr *region_ = nullptr, *message_region_ = nullptr;
};

}  // namespace pmemckpt::test
