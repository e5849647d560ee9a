#pragma once
// One connection, from its TCP socket to its last call.
//
//   fresh ──► greeting ──► open ──► draining ──► lingering ──► ended
//                 │          └── the peer is gone ──────────────► │
//                 └── no agreement, too late ───────────────────► │
//
// fresh: not on its reactor yet. greeting: MPA start-up. draining: what is queued, or a Terminate, goes out;
// nothing is taken in (but a first FPDU, which lets a responder send). lingering: the handler has had its
// on_close; the peer is given time to read what was sent (closing a socket with unread input would take it
// away).
//
// Threads: posts, grants, revocations and close() come from any thread and reach the rest through `posted_`
// and `closing_`; all else happens on the reactor's thread. No lock is held while a handler is called.
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "lib/rdma/iwarp/greeter.hh"
#include "lib/rdma/iwarp/link.hh"
#include "lib/rdma/iwarp/persister.hh"
#include "lib/rdma/iwarp/receive.hh"
#include "lib/rdma/iwarp/transmit.hh"
#include "lib/rdma/reactor.hh"

namespace pmemckpt::rdma::iwarp {

/// What a connection needs of its engine.
struct Shared {
    EngineOptions options;
    Persister* persister;  ///< lives till all connections have ended
};

class IwarpConnection final : public Connection,
                              public Source,
                              private Inbound,
                              public std::enable_shared_from_this<IwarpConnection> {
public:
    /// Called once when the start-up of an initiator has ended, with how.
    using Established = std::function<void(Status)>;
    /// Asked, on the reactor's thread, by a responder whose start-up frames are in order; nullptr refuses.
    using Door = std::function<std::shared_ptr<Handler>(const std::shared_ptr<IwarpConnection>&)>;

    IwarpConnection(std::shared_ptr<Reactor> reactor, const Shared& shared, FileDescriptor socket,
                    std::string peer_address);
    ~IwarpConnection() override;

    /// One of these two, once, before the reactor is woken for it. `left` is called when the start-up has
    /// ended.
    void be_initiator(std::shared_ptr<Handler> handler, Clock::time_point deadline, Established established);
    void be_responder(Door door, Clock::time_point deadline, std::function<void()> left);
    /// Ends the start-up, if it is still in it. Any thread.
    void give_up_start_up();

    Status send(std::span<const std::byte> message) override;
    Status send_with_invalidate(std::span<const std::byte> message, Key key) override;
    Result<std::shared_ptr<Registration>> register_memory(std::span<std::byte> bytes) override;
    Status post(std::span<const OneSided> operations) override;
    bool reads_persist() const override { return true; }
    Result<Grant> grant(Translation translation, Access access) override;
    void revoke(Key key) override;
    void close(Error why) override;
    Peer peer() const override;

    void on_events(std::uint32_t events) override;
    void on_deadline() override;
    void on_wake() override;
    void on_stop() override;

private:
    enum class State : std::uint8_t { fresh, greeting, open, draining, lingering, ended };

    // Posts, in connection_posts.cc.
    Status post_all(std::vector<Operation> operations);
    Result<Operation> tagged(const OneSided& one) const;
    Status post_message(std::span<const std::byte> message, Operation::Kind kind, Key key);
    void take_posts();
    void forget_posts(Transmitter::Posts done);
    void wake() { reactor_->wake(shared_from_this()); }

    // Start-up, in connection_start_up.cc.
    void begin();
    void greet();
    Status greet_as_initiator();
    Status greet_as_responder();
    Status hear_request();
    void open();
    void fail_start_up(Error why);
    void leave_start_up(Status how);

    // The stream.
    void work(bool receive);
    void transmit();
    Stop explain(Stop lost);
    void report_completions();
    void start_persist();
    void take_persisted();

    // The end, in connection_end.cc.
    void stop(Stop stop);
    void drain(Error why);
    void refuse_posts();
    void start_draining();
    void finish(bool linger);
    void complete_all();
    void linger();
    void discard_input();
    void end();
    std::optional<Error> asked_to_close();

    // Inbound.
    void on_message(std::span<const std::byte> message) override;
    void on_read_complete() override;
    void on_read_request(InboundRead read) override;
    /// Not before the first FPDU is there: till then a responder can't send what is queued.
    bool closing() const override { return closing_.load(std::memory_order_relaxed) && link_.may_send; }

    const std::shared_ptr<Reactor> reactor_;
    const Shared shared_;
    const std::string peer_address_;
    Link link_;
    Completions completions_;
    ResponseQueue responses_;
    Transmitter transmitter_{link_, responses_, completions_};
    Receiver receiver_{link_, *this, transmitter_.outstanding(), responses_};

    State state_ = State::fresh;
    std::shared_ptr<Handler> handler_;
    Greeter greeter_;
    bool initiator_ = false;
    StartUp request_;
    bool answered_ = false;         // responder: the reply is made, and maybe not yet sent
    std::optional<Error> refusal_;  // responder: the reply is a rejection
    Clock::time_point start_up_deadline_;
    Established established_;
    Door door_;
    std::function<void()> left_;
    std::optional<Error> why_;   // of the end, once it has begun
    bool finish_waits_ = false;  // for a persist that is under way
    bool finish_lingers_ = false;
    std::vector<Operation> taking_;

    mutable std::mutex mutex_;  // guards these; nothing is called under it
    std::vector<Operation> posted_;
    Transmitter::Posts queued_;  // posts not yet completed
    bool no_posts_ = false;      // closed, or about to be
    std::optional<Error> close_asked_;
    std::optional<Status> persisted_;
    std::atomic<bool> closing_{false};
    std::atomic<bool> given_up_{false};
};

}  // namespace pmemckpt::rdma::iwarp
