// The MPA start-up of a connection, as its initiator or as its responder.
#include <sys/epoll.h>

#include "lib/base/log.hh"
#include "lib/base/tcp_socket.hh"
#include "lib/rdma/iwarp/connection.hh"

namespace pmemckpt::rdma::iwarp {

void IwarpConnection::be_initiator(std::shared_ptr<Handler> handler, Clock::time_point deadline,
                                   Established established) {
    initiator_ = true;
    handler_ = std::move(handler);
    start_up_deadline_ = deadline;
    established_ = std::move(established);
    request_ = make_request(shared_.options);
    greeter_.say(request_);
}

void IwarpConnection::be_responder(Door door, Clock::time_point deadline, std::function<void()> left) {
    door_ = std::move(door);
    start_up_deadline_ = deadline;
    left_ = std::move(left);
}

void IwarpConnection::give_up_start_up() {
    given_up_ = true;
    wake();
}

void IwarpConnection::begin() {
    state_ = State::greeting;
    if (auto added = reactor_->add(shared_from_this(), link_.socket.get(), EPOLLIN); !added) {
        fail_start_up(std::move(added).error());
        return;
    }
    reactor_->set_deadline(*this, start_up_deadline_);
    greet();
}

void IwarpConnection::greet() {
    auto status = initiator_ ? greet_as_initiator() : greet_as_responder();
    if (!status)
        fail_start_up(std::move(status).error());
}

Status IwarpConnection::greet_as_initiator() {
    const bool sent = TRY(greeter_.send(link_.socket.get()));
    reactor_->set_interest(*this, sent ? EPOLLIN : EPOLLIN | EPOLLOUT);
    const auto reply = TRY(greeter_.receive(link_.socket.get(), Greeting::reply));
    if (!reply)
        return {};
    link_.agreed = TRY(check_reply(request_, *reply, shared_.options));
    link_.may_send = true;
    open();
    return {};
}

Status IwarpConnection::greet_as_responder() {
    if (!answered_) {
        auto request = TRY(greeter_.receive(link_.socket.get(), Greeting::request));
        if (!request)
            return {};
        request_ = *request;
        TRY(hear_request());
    }
    const bool sent = TRY(greeter_.send(link_.socket.get()));
    // Nothing may come before the reply has gone, and what comes all the same waits.
    reactor_->set_interest(*this, sent ? EPOLLIN : EPOLLOUT);
    if (!sent)
        return {};
    if (refusal_)
        return tl::unexpected<Error>(*refusal_);
    open();
    return {};
}

Status IwarpConnection::hear_request() {
    Answer answer = answer_request(request_, shared_.options);
    answered_ = true;
    if (answer.reply.reject) {
        refusal_ = Error{EPROTO, answer.refusal};
    } else {
        link_.agreed = answer.agreed;
        handler_ = door_(shared_from_this());
        if (!handler_) {
            answer.reply.reject = true;
            refusal_ = Error{ECONNREFUSED, "it was not wanted"};
        }
    }
    greeter_.say(answer.reply);
    return {};
}

void IwarpConnection::open() {
    state_ = State::open;
    reactor_->set_deadline(*this, std::nullopt);
    const std::size_t maximum =
        link_.agreed.large_segments ? kMaximumUlpdu : ulpdu_for_segment(maximum_segment(link_.socket.get()));
    transmitter_.start(maximum, initiator_ && link_.agreed.peer_to_peer);
    leave_start_up({});
    work(true);
}

void IwarpConnection::leave_start_up(Status how) {
    if (const auto left = std::exchange(left_, nullptr))
        left();
    if (const auto established = std::exchange(established_, nullptr))
        established(std::move(how));
    door_ = nullptr;
}

void IwarpConnection::fail_start_up(Error why) {
    if (!initiator_)
        log::info("{}: no connection: {}", peer_address_, why.message);
    refuse_posts();
    link_.windows.close();
    const bool linger_after = answered_ && state_ == State::greeting;
    // A responder's handler has been made, and is to hear of the end; an initiator's has not heard of a
    // beginning.
    if (!initiator_ && handler_) {
        if (!why_)
            why_ = std::move(why);
        leave_start_up({});
        finish(linger_after);
        return;
    }
    handler_.reset();
    leave_start_up(tl::unexpected<Error>(std::move(why)));
    if (linger_after) {
        ::shutdown(link_.socket.get(), SHUT_WR);
        linger();
    } else {
        end();
    }
}

}  // namespace pmemckpt::rdma::iwarp
