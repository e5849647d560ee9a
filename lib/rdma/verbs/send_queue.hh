#pragma once
// What users post, in order: as much as the device's send queue takes is on the device, the rest waits here.
// So the device's queue is never overrun.
//
// An InfiniBand or RoCE device completes work in order, so a completion tells of all that was posted before
// it. Not every iWARP device does (siw doesn't): there it tells of what is of its own kind, a read or not.
// Users are told in the order of their posts all the same.
//
// Threads: all calls may come from any thread. post_send() is called under the lock; it never blocks.
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "lib/rdma/verbs/queue_pair.hh"

namespace pmemckpt::rdma::verbs {

/// Work requests that a device gets by one call, at most.
inline constexpr std::size_t kChain = 16;

/// Something posted.
struct Work {
    enum class Kind : std::uint8_t { send, send_invalidate, write, read, flush, bind, probe };
    Kind kind = Kind::send;
    std::vector<std::byte> message;      ///< send
    std::shared_ptr<LocalMemory> local;  ///< write, read
    Extent range{};                      ///< of `local`
    std::uint64_t remote = 0;            ///< address of its first byte at the peer; of a flush, too
    Key key = 0;  ///< of the peer's window; of the one to be invalidated; of the new one
    std::uint64_t tag = 0;
    ibv_mw_bind_info binding{};  ///< bind: of `window`
    ibv_mw* window = nullptr;

    bool is_reported() const { return kind == Kind::write || kind == Kind::read || kind == Kind::flush; }
};

/// Of a write, a read or a flush.
struct Done {
    Work::Kind kind;
    std::uint64_t tag;
    std::uint64_t bytes;
    Status status;
};

class SendQueue {
public:
    static Result<std::unique_ptr<SendQueue>> make(const std::shared_ptr<Domain>& domain, QueuePair& pair);

    /// Takes what they hold. All of them or none: EAGAIN when more than kMaximumQueued would wait; ENOTCONN
    /// when closed. What is refused by the device is told by failure().
    Status post(std::span<Work> works);
    /// The connection is made: from now on work goes to the device.
    void open();
    /// No more posts.
    void close();
    /// The window is to go: its binding, if it waits yet, is not posted any more.
    void forget_bind(const ibv_mw* window);
    /// All work up to this completion has ended well; appends what its users are to be told.
    void complete(const ibv_wc& completion, std::vector<Done>& into);
    /// Waits till the device has done with the binding of this window, but no longer than this.
    void wait_bound(const ibv_mw* window, std::chrono::milliseconds limit);
    /// Gives nothing more to the device. Closes.
    void halt();
    /// After halt(), when the device has nothing of it any more: all that is left ends with `why`.
    void abandon(const Error& why, std::vector<Done>& into);

    bool is_idle() const;
    /// The device took no work: the connection is to be ended.
    std::optional<Error> failure() const;
    bool has_failed() const { return has_failed_; }

private:
    struct Link {
        ibv_send_wr request;
        ibv_sge piece;
    };

    /// Goes from list to list, and stays where it is: works are posted by the million.
    struct Posted {
        Work work;
        std::uint64_t first = 0, last = 0;  // the numbers of its work requests
        std::optional<std::size_t> buffer;
        bool done = false;
    };

    SendQueue(const std::shared_ptr<Domain>& domain, QueuePair& pair);
    void wait_in_line(Work work);
    void retire();
    void pump();
    bool post_piece(Work& work);
    Status give(Work& work, std::uint64_t size, bool signalled);
    Status give_chain();
    void fail_with(Error why);
    bool ends_with(const Posted& posted, const ibv_wc& completion) const;
    std::uint64_t on_device() const;
    bool has_room(const Work& work) const;
    void fill_message(const Work& work, ibv_sge& piece, ibv_send_wr& request);
    void fill_transfer(const Work& work, std::uint64_t size, ibv_sge& piece, ibv_send_wr& request) const;
    bool is_binding(const ibv_mw* window) const;
    void finish(Posted& posted, Status status, std::vector<Done>& into);
    bool wants_signal(const Work& work, bool is_last_piece) const;

    const std::shared_ptr<Domain> domain_;
    QueuePair& pair_;
    std::vector<std::byte> message_memory_;
    std::shared_ptr<LocalMemory> message_buffers_;

    std::atomic<bool> has_failed_{false};  // as failure_ says

    mutable std::mutex mutex_;  // guards all below
    std::condition_variable bound_;
    bool open_ = false, closed_ = false, halted_ = false;
    std::optional<Error> failure_;
    std::list<Posted> waiting_;
    std::size_t waiting_bytes_ = 0;  // of messages among them
    std::uint64_t piece_at_ = 0;     // bytes of waiting_.front() that are posted
    std::uint64_t front_first_ = 1;  // its first work request that is not done
    std::list<Posted> posted_;
    std::list<Posted> spare_;  // of use again; kMaximumQueued at most
    std::vector<std::size_t> free_buffers_;
    std::optional<std::size_t> buffer_;  // of the message that is being posted
    std::uint64_t made_ = 0;             // work requests
    std::array<Link, kChain> chain_;     // the last of them, which go to the device together
    std::size_t chained_ = 0;
};

}  // namespace pmemckpt::rdma::verbs
