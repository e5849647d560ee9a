#include "lib/rdma/verbs/connection.hh"

#include <sys/epoll.h>

#include <array>
#include <cerrno>

#include "lib/rdma/verbs/completion_error.hh"

namespace pmemckpt::rdma::verbs {

namespace {

constexpr std::size_t kCompletionsPerRound = 32;
constexpr unsigned kRoundsPerTurn = 8;
constexpr unsigned kProbes = 3;                    // unanswered
constexpr unsigned kProbeIntervals = kProbes + 2;  // of the idle time: what came last may lie nearly one back
constexpr auto kReasonTime = std::chrono::milliseconds(500);  // from failed work to the event that tells why
constexpr auto kDrainTime = std::chrono::seconds(5);          // for what is posted

}  // namespace

VerbsConnection::VerbsConnection(std::shared_ptr<Reactor> reactor, const EngineOptions& options,
                                 std::string peer_address)
    : reactor_(std::move(reactor)), options_(options), peer_address_(std::move(peer_address)) {}

VerbsConnection::~VerbsConnection() {
    // One that its reactor never took, because it ended before.
    leave_start_up(fail(ECANCELED, "the engine was closed"));
}

/// false: another thread is there, has been asked to leave, and wakes this one when it has.
template <class Step>
bool VerbsConnection::at_helm(Step&& step) {
    if (!helm_.take_or_ask()) {
        kick();
        return false;
    }
    if (!watched_)
        take_back();
    step();
    helm_.give_back();
    return true;
}

void VerbsConnection::on_events(std::uint32_t) {
    at_helm([this] {
        if (state_ == State::open || state_ == State::draining || (state_ == State::starting && pair_))
            take_completions();
        if (state_ != State::ended)
            take_cm_events();
    });
}

void VerbsConnection::on_wake() {
    at_helm([this] {
        if (state_ == State::fresh)
            begin();
        else if (state_ == State::open || state_ == State::draining)
            look_after();
        if (std::exchange(deadline_waits_, false))
            take_deadline();
        if (std::exchange(stop_waits_, false))
            take_stop();
    });
}

void VerbsConnection::on_deadline() {
    deadline_waits_ = !at_helm([this] { take_deadline(); });
}

void VerbsConnection::on_stop() {
    stop_waits_ = !at_helm([this] { take_stop(); });
}

void VerbsConnection::take_deadline() {
    switch (state_) {
        case State::starting:
            fail_start_up({ETIMEDOUT, "the peer did not finish the start-up in time"});
            break;
        case State::open:
            if (why_)
                finish();
            else
                probe();
            break;
        case State::draining: finish(); break;
        case State::fresh:
        case State::ended: break;
    }
}

void VerbsConnection::take_stop() {
    if (state_ == State::starting)
        fail_start_up({ECANCELED, "the engine was closed"});
    else if (state_ == State::open && !why_)
        drain({ESHUTDOWN, "this end closed its engine"});
}

/// What other threads have left for this one.
void VerbsConnection::look_after() {
    take_completions();
    if (state_ == State::ended)
        return;
    look_at_queue();
    if (state_ != State::open)
        return;
    if (auto why = asked_to_close())
        drain(std::move(*why));
}

/// What ends the connection and is no completion: the device took no work, most likely because the connection
/// is lost, or all of it is done.
void VerbsConnection::look_at_queue() {
    if (auto failed = queue_->failure())
        lose({ECONNRESET, std::move(failed->message)});
    else if (state_ == State::draining && queue_->is_idle())
        finish();
}

void VerbsConnection::take_completions() {
    std::array<ibv_wc, kCompletionsPerRound> completions;
    take_left();
    if (state_ == State::ended)
        return;
    pair_->forget_event();
    auto armed = pair_->arm();
    for (unsigned round = 0; armed && round < kRoundsPerTurn; ++round) {
        const auto count = pair_->poll(completions);
        if (!count) {
            stop(count.error());
            return;
        }
        for (std::size_t i = 0; i < *count && state_ != State::ended; ++i)
            take(completions[i]);
        if (state_ == State::ended)
            return;
        if (*count < completions.size()) {
            look_at_queue();
            return;
        }
    }
    if (!armed)
        stop(std::move(armed).error());
    else
        reactor_->wake(shared_from_this());
}

/// What the peer sent before it closed the connection may lie there unread.
void VerbsConnection::hear_last_words() {
    if (state_ == State::open || state_ == State::draining)
        take_completions();
}

/// What another thread has found, and could not end the connection for.
void VerbsConnection::take_left() {
    std::vector<ibv_wc> left;
    left.swap(left_over_);
    if (auto fault = std::exchange(fault_, std::nullopt))
        stop(std::move(*fault));
    for (const auto& completion : left)
        if (state_ != State::ended)
            take(completion);
}

void VerbsConnection::take(const ibv_wc& completion) {
    heard_ = true;
    silent_ = 0;
    if (take_well(completion))
        return;
    if (auto fault = std::exchange(fault_, std::nullopt))
        stop(std::move(*fault));
    else if (completion.status == IBV_WC_WR_FLUSH_ERR)
        lose({ECONNRESET, "the connection was lost"});
    else if (completion.status != IBV_WC_SUCCESS)
        stop(completion_error(completion));
    else  // a write with immediate data takes a buffer, too, and its length is the write's
        stop({EPROTO, "the peer used an operation that is not part of the protocol"});
}

/// false: nothing was done with it, or it is why the connection ends, which is in fault_ then.
bool VerbsConnection::take_well(const ibv_wc& completion) {
    if (completion.status != IBV_WC_SUCCESS)
        return false;
    if ((completion.wr_id & kReceiveMark) != 0)
        return completion.opcode == IBV_WC_RECV && completion.byte_len <= kMaximumMessage &&
               take_message(completion);
    queue_->complete(completion, done_);
    report();
    return true;
}

bool VerbsConnection::take_message(const ibv_wc& completion) {
    // A message may overtake the connection manager's word that the peer is ready.
    if (state_ == State::starting)
        open();
    if (state_ == State::open)
        handler_->on_message(ring_->message(completion));
    if (state_ == State::ended)
        return true;
    auto given = ring_->give_back(completion);
    if (!given)
        fault_ = std::move(given).error();
    return given.has_value();
}

void VerbsConnection::report() {
    for (const auto& one : done_) {
        if (one.status && one.kind == Work::Kind::read)
            bytes_received_ += one.bytes;
        else if (one.status && one.kind == Work::Kind::write)
            bytes_sent_ += one.bytes;
        handler_->on_completion(one.tag, one.status);
    }
    done_.clear();
}

/// RoCE and InfiniBand notice a peer whose host is gone only by what is sent to it.
void VerbsConnection::probe() {
    reactor_->set_deadline(
        *this, Clock::now() + std::chrono::milliseconds(options_.idle_timeout_ms / kProbeIntervals));
    if (domain_->traits().iwarp || std::exchange(heard_, false))
        return;
    if (++silent_ > kProbes) {
        stop({ETIMEDOUT, fmt::format("the peer has been silent for {} ms", options_.idle_timeout_ms)});
        return;
    }
    Work nothing;
    nothing.kind = Work::Kind::probe;
    static_cast<void>(queue_->post({&nothing, 1}));
    look_at_queue();
}

void VerbsConnection::close(Error why) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_)
            return;
        closed_ = true;
        close_asked_ = std::move(why);
    }
    if (queue_)
        queue_->close();
    reactor_->wake(shared_from_this());
}

std::optional<Error> VerbsConnection::asked_to_close() {
    const std::lock_guard lock(mutex_);
    return why_ ? std::nullopt : close_asked_;
}

/// A flushed work request tells nothing: what ended the connection comes as an event, or does not come.
void VerbsConnection::lose(Error why) {
    if (state_ == State::starting) {
        fail_start_up(std::move(why));
        return;
    }
    if (state_ == State::draining)
        reactor_->set_deadline(*this, Clock::now() + kReasonTime);
    if (state_ != State::open || why_)
        return;
    why_ = std::move(why);
    queue_->close();
    deadline_waits_ = false;  // that was another one
    reactor_->set_deadline(*this, Clock::now() + kReasonTime);
}

void VerbsConnection::drain(Error why) {
    why_ = std::move(why);
    state_ = State::draining;
    queue_->close();
    deadline_waits_ = false;  // that was another one
    reactor_->set_deadline(*this, Clock::now() + kDrainTime);
    if (queue_->is_idle())
        finish();
}

void VerbsConnection::stop(Error why) {
    if (state_ == State::starting) {
        fail_start_up(std::move(why));
        return;
    }
    if (state_ == State::ended)
        return;
    // What was asked for first counts; that a connection was lost is no reason of its own.
    if (!why_ || (state_ == State::open && why_->code == ECONNRESET))
        why_ = std::move(why);
    finish();
}

void VerbsConnection::finish() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        if (close_asked_)
            why_ = close_asked_;
    }
    state_ = State::ended;
    reactor_->remove(*this);
    if (linger_)
        linger_->end(*reactor_);
    queue_->halt();
    ::rdma_disconnect(domain_->id());
    pair_->fail_all();
    // A window that is bound to it holds the pair: rxe waits, then, till the window goes.
    windows_->close();
    pair_->destroy();
    queue_->abandon(*why_, done_);
    report();
    handler_->on_close(*why_);
    handler_.reset();
    left_over_.clear();
    events_.reset();
}

Peer VerbsConnection::peer() const {
    Peer peer;
    peer.address = peer_address_;
    peer.engine = "verbs";
    peer.bytes_received = bytes_received_;
    peer.bytes_sent = bytes_sent_;
    return peer;
}

}  // namespace pmemckpt::rdma::verbs
