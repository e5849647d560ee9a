#pragma once
// Takes FPDUs apart as they come. Payload of tagged segments goes from the socket straight to its place: one
// system call takes the rest of an FPDU and the beginning of the next one's header.
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "lib/rdma/iwarp/link.hh"
#include "lib/rdma/iwarp/operation.hh"
#include "lib/rdma/iwarp/response_queue.hh"

namespace pmemckpt::rdma::iwarp {

/// What a receiver tells its connection.
class Inbound {
public:
    virtual ~Inbound() = default;
    virtual void on_message(std::span<const std::byte> message) = 0;
    /// The read at the front of the outstanding ones has all its bytes; it is taken away.
    virtual void on_read_complete() = 0;
    virtual void on_read_request(InboundRead read) = 0;
    /// Whether no more is wanted.
    virtual bool closing() const = 0;
};

/// Threads: the connection's own.
class Receiver {
public:
    Receiver(Link& link, Inbound& inbound, std::deque<OutstandingRead>& outstanding,
             const ResponseQueue& responses)
        : link_(link), inbound_(inbound), outstanding_(outstanding), responses_(responses) {}

    /// Receives a bounded amount. A stop has an answer when the peer broke a rule.
    std::optional<Stop> run();

private:
    enum class Step : std::uint8_t { again, wait };  // wait: for TCP to have more
    using Progress = tl::expected<Step, Stop>;
    using Verdict = std::optional<Rule>;  // the rule that is broken

    struct QueueState {
        std::uint32_t number = 1;  // of the message that comes, or is to come
        std::uint64_t received = 0;
    };

    // Where the payload of the segment at hand goes: through a window, or to plain memory.
    struct Destination {
        std::shared_ptr<Window> window;
        std::uint64_t at = 0;  // in the window
        std::byte* memory = nullptr;
    };

    Progress step();
    Progress receive_header();
    Progress receive_payload();
    Progress receive(std::span<iovec> pieces, std::size_t& received);
    void place(std::size_t bytes, std::size_t pieces);
    void note_written(std::size_t bytes);
    Progress lost(int code);

    Verdict check_length() const;
    Verdict begin_segment();
    Verdict check_segment() const;
    Verdict check_untagged() const;
    Verdict begin_write();
    Verdict begin_read_response();
    Verdict begin_send();
    Verdict begin_body(std::size_t at_least, std::size_t at_most);
    bool begins_peer_to_peer() const;

    std::optional<Stop> finish_segment();
    Verdict finish_opcode();
    Verdict finish_send();
    Verdict finish_read_request();
    Verdict finish_read_response();
    Stop received_terminate() const;
    void collect_dirty(InboundRead& read);

    Stop violation(Rule rule) const;
    std::size_t header_wanted() const;
    std::size_t trailer_bytes() const { return pad_bytes(ulpdu_) + kCrcBytes; }
    std::size_t payload_bytes() const { return ulpdu_ - header_bytes(segment_.tagged); }

    static constexpr std::size_t kHeaderAhead = kLengthBytes + kTaggedBytes;  // every FPDU has so many bytes
    static constexpr std::size_t kWholeHeader = kLengthBytes + kUntaggedBytes;

    Link& link_;
    Inbound& inbound_;
    std::deque<OutstandingRead>& outstanding_;
    const ResponseQueue& responses_;

    std::array<std::byte, kWholeHeader> header_{};
    std::size_t header_have_ = 0;
    bool in_payload_ = false;
    std::size_t ulpdu_ = 0;
    Segment segment_;

    Destination destination_;
    std::size_t payload_left_ = 0;
    std::array<std::byte, kMaximumPad + kCrcBytes + kHeaderAhead> trailer_{};
    std::size_t trailer_have_ = 0;
    std::uint32_t crc_ = 0;
    std::vector<iovec> pieces_;

    std::array<QueueState, kQueues> queues_{};
    Opcode message_opcode_ = Opcode::send;
    std::vector<std::byte> message_;                   // Send
    std::array<std::byte, kMaximumTerminate> body_{};  // Read Request, Terminate
    std::vector<std::shared_ptr<Window>> written_;     // windows with dirty bytes
    std::size_t received_this_turn_ = 0;
    bool first_ = true;  // no segment has come wholly yet
};

}  // namespace pmemckpt::rdma::iwarp
