// How a connection ends: what is queued goes out, then its handler hears of it, then the socket is closed.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "lib/rdma/iwarp/connection.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

constexpr auto kDrainTime = std::chrono::seconds(5);               // for what is queued
constexpr auto kLingerTime = std::chrono::milliseconds(1000);      // for the peer to have read it
constexpr auto kShortLingerTime = std::chrono::milliseconds(200);  // the same when the engine is to end
constexpr std::size_t kDiscardBytes = 16 * kKiB;
constexpr unsigned kDiscardsPerTurn = 16;

}  // namespace

void IwarpConnection::close(Error why) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (no_posts_)
            return;
        no_posts_ = true;
        close_asked_ = std::move(why);
        closing_ = true;
    }
    wake();
}

std::optional<Error> IwarpConnection::asked_to_close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return why_ ? std::nullopt : close_asked_;
}

void IwarpConnection::refuse_posts() {
    const std::lock_guard<std::mutex> lock(mutex_);
    no_posts_ = true;
    closing_ = true;
    // What was asked for first counts.
    if (close_asked_)
        why_ = close_asked_;
}

void IwarpConnection::drain(Error why) {
    why_ = std::move(why);
    refuse_posts();
    take_posts();
    transmitter_.drop_reads();
    start_persist();  // a response may wait for it
    start_draining();
}

void IwarpConnection::stop(Stop stop) {
    if (!why_)
        why_ = std::move(stop.why);
    refuse_posts();
    if (!stop.answer) {
        finish(false);
        return;
    }
    responses_.clear();
    transmitter_.drop_all_for(*stop.answer);
    start_draining();
}

void IwarpConnection::start_draining() {
    if (state_ != State::draining)
        reactor_->set_deadline(*this, Clock::now() + kDrainTime);
    state_ = State::draining;
    transmit();
}

void IwarpConnection::finish(bool linger_after) {
    state_ = State::draining;
    finish_lingers_ = linger_after;
    if (linger_after)
        ::shutdown(link_.socket.get(), SHUT_WR);
    if (responses_.persisting()) {
        // Its windows' owner may go once it has had its on_close. Edge-triggered: a lost peer is not reported
        // again and again meanwhile.
        finish_waits_ = true;
        reactor_->set_deadline(*this, std::nullopt);
        reactor_->set_interest(*this, EPOLLET);
        return;
    }
    refuse_posts();
    link_.windows.close();
    take_posts();
    transmitter_.release();
    responses_.clear();
    complete_all();
    handler_->on_close(*why_);
    handler_.reset();
    if (linger_after)
        linger();
    else
        end();
}

void IwarpConnection::complete_all() {
    while (auto done = completions_.next_or(*why_))
        handler_->on_completion(done->tag, done->status);
}

void IwarpConnection::linger() {
    state_ = State::lingering;
    reactor_->set_deadline(*this, Clock::now() + (reactor_->stopping() ? kShortLingerTime : kLingerTime));
    reactor_->set_interest(*this, EPOLLIN);
}

void IwarpConnection::discard_input() {
    std::array<std::byte, kDiscardBytes> nobody_reads;
    for (unsigned i = 0; i < kDiscardsPerTurn; ++i) {
        const ssize_t count =
            ::recv(link_.socket.get(), nobody_reads.data(), nobody_reads.size(), MSG_DONTWAIT);
        if (count > 0 || (count < 0 && errno == EINTR))
            continue;
        if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            end();
        return;
    }
}

void IwarpConnection::end() {
    state_ = State::ended;
    reactor_->remove(*this);
    link_.socket.reset();
}

}  // namespace pmemckpt::rdma::iwarp
