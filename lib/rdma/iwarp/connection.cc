#include "lib/rdma/iwarp/connection.hh"

#include <sys/epoll.h>

#include <cerrno>

namespace pmemckpt::rdma::iwarp {

IwarpConnection::IwarpConnection(std::shared_ptr<Reactor> reactor, const Shared& shared,
                                 FileDescriptor socket, std::string peer_address)
    : reactor_(std::move(reactor)), shared_(shared), peer_address_(std::move(peer_address)) {
    link_.socket = std::move(socket);
}

IwarpConnection::~IwarpConnection() {
    // One that its reactor never took, because it ended before.
    leave_start_up(fail(ECANCELED, "the engine was closed"));
}

void IwarpConnection::on_events(std::uint32_t events) {
    constexpr std::uint32_t kGone = EPOLLERR | EPOLLHUP;
    switch (state_) {
        case State::fresh:
        case State::ended: break;
        case State::greeting: greet(); break;
        case State::open: work((events & (EPOLLIN | kGone)) != 0); break;
        case State::draining:
            if ((events & kGone) != 0)
                finish(false);  // also while a finish waits: then there is nothing to linger for
            else
                work((events & EPOLLIN) != 0 && !link_.may_send);
            break;
        case State::lingering: discard_input(); break;
    }
}

void IwarpConnection::on_wake() {
    if (state_ == State::fresh) {
        begin();
        return;
    }
    take_posts();
    take_persisted();
    switch (state_) {
        case State::greeting:
            if (given_up_)
                fail_start_up({EPROTO, "the MPA start-up was ended to make room for another"});
            break;
        case State::open:
        case State::draining: work(false); break;
        case State::fresh:
        case State::lingering:
        case State::ended: break;
    }
}

void IwarpConnection::on_deadline() {
    switch (state_) {
        case State::greeting:
            fail_start_up({ETIMEDOUT, "the peer did not finish the MPA start-up in time"});
            break;
        case State::draining: finish(false); break;
        case State::lingering: end(); break;
        case State::fresh:
        case State::open:
        case State::ended: break;
    }
}

void IwarpConnection::on_stop() {
    if (state_ == State::greeting)
        fail_start_up({ECANCELED, "the engine was closed"});
    else if (state_ == State::open)
        drain({ESHUTDOWN, "this end closed its engine"});
    else if (state_ == State::lingering)
        linger();
}

void IwarpConnection::work(bool receive) {
    if (finish_waits_)
        return;
    if (receive) {
        if (auto ended = receiver_.run()) {
            stop(std::move(*ended));
            return;
        }
    }
    if (auto why = asked_to_close()) {
        drain(std::move(*why));
        return;
    }
    start_persist();
    transmit();
}

void IwarpConnection::transmit() {
    auto progress = transmitter_.run();
    forget_posts(transmitter_.take_sends_done());
    report_completions();
    const std::uint32_t reads = state_ == State::open || !link_.may_send ? std::uint32_t{EPOLLIN} : 0;
    switch (progress.state) {
        case Transmitter::State::ended: stop(explain(std::move(*progress.stop))); return;
        case Transmitter::State::blocked: reactor_->set_interest(*this, reads | EPOLLOUT); return;
        case Transmitter::State::more:
            reactor_->set_interest(*this, reads);
            wake();
            return;
        case Transmitter::State::idle: break;
    }
    reactor_->set_interest(*this, reads);
    if (state_ == State::draining && transmitter_.idle())
        finish(true);
}

/// Of a stream that was lost while sending: the peer's Terminate may lie there unread.
Stop IwarpConnection::explain(Stop lost) {
    if (state_ == State::open && !lost.answer && lost.why.code != EACCES) {
        auto heard = receiver_.run();
        if (heard && !heard->answer && heard->why.code != ESHUTDOWN)
            return std::move(*heard);
    }
    return lost;
}

void IwarpConnection::report_completions() {
    while (auto done = completions_.next()) {
        forget_posts({1, 0});  // first, so that the handler may post
        handler_->on_completion(done->tag, done->status);
    }
}

void IwarpConnection::start_persist() {
    auto dirty = responses_.start_persist();
    if (!dirty)
        return;
    shared_.persister->submit({std::move(*dirty), [self = shared_from_this()](Status status) {
                                   {
                                       const std::lock_guard<std::mutex> lock(self->mutex_);
                                       self->persisted_ = std::move(status);
                                   }
                                   self->wake();
                               }});
}

void IwarpConnection::take_persisted() {
    std::optional<Status> status;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        status.swap(persisted_);
    }
    if (!status)
        return;
    responses_.persist_done();
    if (std::exchange(finish_waits_, false)) {
        finish(finish_lingers_);
        return;
    }
    if (*status)
        return;
    Stop failed{status->error(), Terminate{}};
    failed.why.message = "what the peer wrote could not be made durable: " + failed.why.message;
    failed.answer->rule = rule::kLocalCatastrophic;
    stop(std::move(failed));
}

void IwarpConnection::on_message(std::span<const std::byte> message) {
    handler_->on_message(message);
}

void IwarpConnection::on_read_complete() {
    auto& outstanding = transmitter_.outstanding();
    completions_.complete(outstanding.front().ticket);
    outstanding.pop_front();
    report_completions();
}

void IwarpConnection::on_read_request(InboundRead read) {
    responses_.push(std::move(read));
}

Result<Grant> IwarpConnection::grant(Translation translation, Access access) {
    return link_.windows.grant(std::move(translation), access);
}

void IwarpConnection::revoke(Key key) {
    link_.windows.revoke(key);
}

Peer IwarpConnection::peer() const {
    const Counters& counters = link_.counters;
    return {peer_address_, "iwarp", counters.bytes_received, counters.bytes_sent, counters.refused};
}

}  // namespace pmemckpt::rdma::iwarp
