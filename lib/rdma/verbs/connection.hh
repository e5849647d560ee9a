#pragma once
// One connection, from its first address to its last call.
//
//   fresh ──► starting ──► open ──► draining ──► ended
//               │            └── the peer or the device is gone ──► │
//               └── no agreement, too late ───────────────────────► │
//
// fresh: not on its reactor yet. starting: the connection manager looks for device, route and peer (an
// initiator), or for the peer's last word (a responder). draining: what is posted goes out, then the
// connection is ended.
//
// Threads: posts, grants and revocations come from any thread and go to the device from there; all else is
// done by whoever is at the helm. That is the reactor's thread, which sleeps till the connection manager or a
// completion wakes it; or a thread that serves the connection, which does what goes well, and leaves the rest
// to the reactor's. No lock is held while a handler is called. What such a thread leaves stays unwatched for
// a moment (linger.hh), in case it comes again.
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "lib/base/socket_address.hh"
#include "lib/rdma/reactor.hh"
#include "lib/rdma/verbs/helm.hh"
#include "lib/rdma/verbs/linger.hh"
#include "lib/rdma/verbs/receive_ring.hh"
#include "lib/rdma/verbs/window_set.hh"

namespace pmemckpt::rdma::verbs {

class VerbsConnection final : public Connection,
                              public Source,
                              public std::enable_shared_from_this<VerbsConnection> {
public:
    /// Called once when the start-up of an initiator has ended, with how.
    using Established = std::function<void(Status)>;
    /// Asked, on the reactor's thread, by a responder; nullptr refuses.
    using Door = std::function<std::shared_ptr<Handler>(const std::shared_ptr<VerbsConnection>&)>;

    /// An initiator makes its channel and id itself; a responder has those of the request, and what the peer
    /// asks for.
    struct Request {
        CmChannel channel;
        CmId id;
        std::uint8_t reads_taken = 0, reads_made = 0;
    };

    VerbsConnection(std::shared_ptr<Reactor> reactor, const EngineOptions& options, std::string peer_address);
    ~VerbsConnection() override;

    /// One of these two, once, before the reactor is woken for it. `left` is called when the start-up has
    /// ended.
    void be_initiator(SocketAddress peer, std::shared_ptr<Handler> handler, Clock::time_point deadline,
                      Established established);
    void be_responder(Request request, Door door, Clock::time_point deadline, std::function<void()> left);

    Status send(std::span<const std::byte> message) override;
    Status send_with_invalidate(std::span<const std::byte> message, Key key) override;
    Result<std::shared_ptr<Registration>> register_memory(std::span<std::byte> bytes) override;
    Status post(std::span<const OneSided> operations) override;
    bool attend() override;
    void leave() override;
    bool serve(const std::function<bool()>& done, Clock::time_point until) override;
    bool reads_persist() const override { return false; }
    bool flushes() const override { return pair_->flushes(); }
    Result<Grant> grant(Translation translation, Access access) override;
    void revoke(Key key) override;
    void close(Error why) override;
    Peer peer() const override;

    void on_events(std::uint32_t events) override;
    void on_deadline() override;
    void on_wake() override;
    void on_stop() override;

private:
    enum class State : std::uint8_t { fresh, starting, open, draining, ended };

    // Posts, in connection_posts.cc.
    Status post_message(std::span<const std::byte> message, Work::Kind kind, Key key);
    Status fill(Work& work, const OneSided& one) const;
    Result<std::shared_ptr<LocalMemory>> local_of(const OneSided& one) const;
    Status post_all(std::span<Work> works);

    // Start-up, in connection_start_up.cc.
    void begin();
    Status begin_as_initiator();
    Status begin_as_responder();
    Status watch(const rdma_event_channel& channel);
    Status make_queues();
    Status ask_peer();
    void on_cm_event(const rdma_cm_event& event);
    Status step(const rdma_cm_event& event);
    void take_cm_events();
    void open();
    void fail_start_up(Error why);
    void leave_start_up(Status how);
    unsigned milliseconds_left() const;

    // The open connection.
    template <class Step>
    bool at_helm(Step&& step);
    void take_completions();
    void hear_last_words();
    void take(const ibv_wc& completion);
    bool take_well(const ibv_wc& completion);
    bool take_message(const ibv_wc& completion);
    void take_left();
    void report();
    void look_after();
    void take_deadline();
    void take_stop();
    void look_at_queue();
    void probe();

    // A thread of the user's, in connection_serve.cc.
    void set_watched(bool watched);
    void take_back();
    bool look_whether_left();
    bool take_till(const std::function<bool()>& done, Clock::time_point until);
    void leave_helm();
    bool arm_and_take();
    bool arm_here();
    std::optional<std::size_t> take_here();
    void sleep_till(Clock::time_point until);
    void kick();

    // The end.
    void stop(Error why);
    void lose(Error why);
    void drain(Error why);
    void finish();
    std::optional<Error> asked_to_close();

    const std::shared_ptr<Reactor> reactor_;
    const EngineOptions options_;
    const std::string peer_address_;
    CmChannel channel_;  // these two till they are the domain's
    CmId id_;
    FileDescriptor events_;  // an epoll of the connection manager's descriptor and of the completions'
    FileDescriptor kick_;    // an eventfd: who serves the connection is to give back the helm
    std::shared_ptr<Domain> domain_;
    std::unique_ptr<QueuePair> pair_;
    std::unique_ptr<ReceiveRing> ring_;
    std::unique_ptr<SendQueue> queue_;
    std::unique_ptr<WindowSet> windows_;

    Helm helm_;
    std::shared_ptr<Linger> linger_;                    // of an initiator: its users have threads that wait
    bool stop_waits_ = false, deadline_waits_ = false;  // till the helm is free

    State state_ = State::fresh;  // this, and what follows, is for who is at the helm
    bool watched_ = true;         // completions wake the reactor's thread
    bool looked_ = false;         // by who attends it, since the timer's last look whether it was left
    std::shared_ptr<Handler> handler_;
    bool initiator_ = false;
    SocketAddress target_;
    std::uint8_t reads_taken_ = 0, reads_made_ = 0;
    Clock::time_point deadline_;
    Established established_;
    Door door_;
    std::function<void()> left_;
    std::vector<Done> done_;
    std::vector<ibv_wc> left_over_;  // completions for the reactor's thread to take, before any others
    std::optional<Error> fault_;     // of one that was taken by another thread
    std::optional<Error> why_;       // of the end, once it has begun
    bool heard_ = false;             // something of the peer since the last probe
    unsigned silent_ = 0;            // probes without an answer

    mutable std::mutex mutex_;  // guards the next two
    std::optional<Error> close_asked_;
    bool closed_ = false;
    std::atomic<std::uint64_t> bytes_received_{0}, bytes_sent_{0};
};

}  // namespace pmemckpt::rdma::verbs
