#pragma once
// Makes FPDUs of what was posted and of what the peer reads, as late as possible and straight from memory.
//
// A message is finished before another begins: siw and hardware expect that. Posts and responses take turns.
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "lib/rdma/iwarp/batch.hh"
#include "lib/rdma/iwarp/link.hh"
#include "lib/rdma/iwarp/operation.hh"
#include "lib/rdma/iwarp/response_queue.hh"

namespace pmemckpt::rdma::iwarp {

/// Threads: the connection's own.
class Transmitter {
public:
    enum class State : std::uint8_t {
        idle,     ///< nothing can be sent at present
        blocked,  ///< TCP takes no more for now
        more,     ///< others' turn first
        ended,    ///< see `stop`
    };
    struct Progress {
        State state;
        std::optional<Stop> stop;  ///< with an answer when it can still be sent: drop_all_for it
    };

    Transmitter(Link& link, ResponseQueue& responses, Completions& completions)
        : link_(link), responses_(responses), completions_(completions) {}

    /// After the start-up. `empty_write`: the initiator's first message when peer to peer was agreed.
    void start(std::size_t maximum_ulpdu, bool empty_write);
    void push(Operation operation) { posts_.push_back(std::move(operation)); }
    /// Sends a bounded amount.
    Progress run();
    /// Whether all has been sent, responses included.
    bool idle() const;
    struct Posts {
        std::size_t count = 0;
        std::size_t bytes = 0;  ///< of the messages among them
    };
    /// Sends that have left since the last call.
    Posts take_sends_done();

    /// Reads that have not been requested will not be.
    void drop_reads();
    /// Nothing is sent any more but the rest of an FPDU and then this.
    void drop_all_for(const Terminate& terminate);
    /// The end: lets go of all memory.
    void release();

    /// Reads on their way, in order: the receiver places what comes for the first.
    std::deque<OutstandingRead>& outstanding() { return outstanding_; }

private:
    enum class Turn : std::uint8_t { none, post, response, terminate };

    Turn choose();
    bool post_waits() const;
    std::optional<Stop> lock_window(std::unique_lock<std::mutex>& guard);
    void build(Turn turn);
    void build_posts();
    bool build_post(Operation& operation);
    bool build_send(Operation& operation);
    bool build_write(Operation& operation);
    void build_read(Operation& operation);
    void build_empty_write();
    void build_responses();
    bool build_response(InboundRead& read);
    void build_terminate();
    void finish_batch();
    std::optional<Progress> send_some();

    Link& link_;
    ResponseQueue& responses_;
    Completions& completions_;

    std::deque<Operation> posts_;
    std::size_t built_ = 0;  // posts at the front that are wholly in the batch
    std::uint64_t progress_ =
        0;  // bytes of the post behind them that are in this batch or were in one before
    std::deque<OutstandingRead> outstanding_;
    StagSequence sinks_;
    bool empty_write_ = false;
    bool dropping_ = false;
    std::optional<Terminate> terminate_;

    Batch batch_;
    std::shared_ptr<Window> batch_window_;  // whose bytes are in the batch; none: bytes of posts are
    std::size_t maximum_ulpdu_ = kMinimumUlpdu;
    std::uint32_t send_number_ = 0, read_number_ = 0;  // of the last message begun in its queue
    Posts sends_done_;
    std::size_t sent_this_turn_ = 0;
    bool last_was_response_ = false;
};

}  // namespace pmemckpt::rdma::iwarp
