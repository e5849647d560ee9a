// How a connection is made: device, route and peer are the connection manager's business, a step an event.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/log.hh"
#include "lib/rdma/verbs/completion_error.hh"
#include "lib/rdma/verbs/connection.hh"
#include "lib/rdma/verbs/hidden_devices.hh"

namespace pmemckpt::rdma::verbs {

namespace {

constexpr std::uint8_t kRetries = 7;         // of a lost packet
constexpr std::uint8_t kRetriesForever = 7;  // when the peer has no receive buffer just now: RoCE, InfiniBand

Status watch_descriptor(int events, int descriptor) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
    if (::epoll_ctl(events, EPOLL_CTL_ADD, descriptor, &event) != 0)
        return fail_errno(errno, "can't wait for an RDMA connection's events");
    return {};
}

std::uint8_t reads(unsigned wanted, std::uint8_t limit) {
    return static_cast<std::uint8_t>(std::min<unsigned>(wanted, limit));
}

}  // namespace

void VerbsConnection::be_initiator(SocketAddress peer, std::shared_ptr<Handler> handler,
                                   Clock::time_point deadline, Established established) {
    initiator_ = true;
    target_ = peer;
    handler_ = std::move(handler);
    deadline_ = deadline;
    established_ = std::move(established);
}

void VerbsConnection::be_responder(Request request, Door door, Clock::time_point deadline,
                                   std::function<void()> left) {
    channel_ = std::move(request.channel);
    id_ = std::move(request.id);
    reads_taken_ = request.reads_taken;
    reads_made_ = request.reads_made;
    door_ = std::move(door);
    deadline_ = deadline;
    left_ = std::move(left);
}

unsigned VerbsConnection::milliseconds_left() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    return static_cast<unsigned>(std::clamp<std::int64_t>(left, 1, INT32_MAX));
}

void VerbsConnection::begin() {
    state_ = State::starting;
    auto begun = initiator_ ? begin_as_initiator() : begin_as_responder();
    if (!begun)
        fail_start_up(std::move(begun).error());
}

Status VerbsConnection::watch(const rdma_event_channel& channel) {
    events_.reset(::epoll_create1(EPOLL_CLOEXEC));
    kick_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!events_ || !kick_ || ::fcntl(channel.fd, F_SETFL, O_NONBLOCK) != 0)
        return fail_errno(errno, "can't wait for an RDMA connection's events");
    TRY(watch_descriptor(events_.get(), channel.fd));
    TRY(reactor_->add(shared_from_this(), events_.get(), EPOLLIN));
    reactor_->set_deadline(*this, deadline_);
    return {};
}

Status VerbsConnection::begin_as_initiator() {
    channel_.reset(::rdma_create_event_channel());
    rdma_cm_id* id = nullptr;
    if (!channel_ || ::rdma_create_id(channel_.get(), &id, nullptr, RDMA_PS_TCP) != 0)
        return no_connection_manager(errno);
    id_.reset(id);
    TRY(watch(*channel_));
    if (::rdma_resolve_addr(id, nullptr, const_cast<sockaddr*>(as_sockaddr(target_)),
                            static_cast<int>(milliseconds_left())) != 0)
        return fail_errno(errno == ENODEV ? ENODEV : EHOSTUNREACH, "no RDMA device reaches {}",
                          peer_address_);
    return {};
}

Status VerbsConnection::begin_as_responder() {
    TRY(watch(*channel_));
    TRY(make_queues());
    handler_ = door_(shared_from_this());
    if (!handler_) {
        ::rdma_reject(domain_->id(), nullptr, 0);
        return fail(ECONNREFUSED, "it was not wanted");
    }
    const auto& traits = domain_->traits();
    rdma_conn_param answer{};
    answer.responder_resources =
        std::min(reads_taken_, reads(options_.outstanding_reads, traits.reads_taken));
    answer.initiator_depth = std::min(reads_made_, reads(options_.outstanding_reads, traits.reads_made));
    answer.rnr_retry_count = kRetriesForever;
    if (::rdma_accept(domain_->id(), &answer) != 0)
        return fail_errno(errno, "RDMA device {} can't accept the connection", traits.device);
    return {};
}

Status VerbsConnection::make_queues() {
    domain_ = TRY(Domain::make(std::move(channel_), std::move(id_)));
    pair_ = TRY(QueuePair::make(domain_));
    ring_ = TRY(ReceiveRing::make(domain_, *pair_));
    queue_ = TRY(SendQueue::make(domain_, *pair_));
    windows_ = std::make_unique<WindowSet>(domain_, *pair_, *queue_);
    return watch_descriptor(events_.get(), pair_->descriptor());
}

Status VerbsConnection::ask_peer() {
    TRY(make_queues());
    const auto& traits = domain_->traits();
    rdma_conn_param wish{};
    wish.responder_resources = reads(options_.outstanding_reads, traits.reads_taken);
    wish.initiator_depth = reads(options_.outstanding_reads, traits.reads_made);
    wish.retry_count = kRetries;
    wish.rnr_retry_count = kRetriesForever;
    if (::rdma_connect(domain_->id(), &wish) != 0)
        return fail_errno(errno, "RDMA device {} can't connect to {}", traits.device, peer_address_);
    return {};
}

void VerbsConnection::take_cm_events() {
    auto* const channel = domain_ ? domain_->channel() : channel_.get();
    rdma_cm_event* event = nullptr;
    while (state_ != State::ended && ::rdma_get_cm_event(channel, &event) == 0) {
        const auto copy = *event;
        ::rdma_ack_cm_event(event);
        on_cm_event(copy);
    }
}

void VerbsConnection::on_cm_event(const rdma_cm_event& event) {
    switch (event.event) {
        case RDMA_CM_EVENT_DISCONNECTED:
            hear_last_words();
            stop({ESHUTDOWN, "the peer closed the connection"});
            return;
        case RDMA_CM_EVENT_DEVICE_REMOVAL:
            stop({ENODEV,
                  fmt::format("RDMA device {} was removed", domain_ ? domain_->traits().device : "?")});
            return;
        case RDMA_CM_EVENT_TIMEWAIT_EXIT:
        case RDMA_CM_EVENT_ADDR_CHANGE: return;
        default: break;
    }
    if (state_ != State::starting)
        return;
    if (auto stepped = step(event); !stepped)
        fail_start_up(std::move(stepped).error());
}

Status VerbsConnection::step(const rdma_cm_event& event) {
    switch (event.event) {
        case RDMA_CM_EVENT_ADDR_RESOLVED:
            if (::rdma_resolve_route(id_.get(), static_cast<int>(milliseconds_left())) != 0)
                return fail_errno(EHOSTUNREACH, "no RDMA device has a route to {}", peer_address_);
            return {};
        case RDMA_CM_EVENT_ROUTE_RESOLVED: return ask_peer();
        case RDMA_CM_EVENT_ESTABLISHED: open(); return {};
        default: return tl::unexpected(start_up_error(event));
    }
}

void VerbsConnection::open() {
    state_ = State::open;
    reactor_->set_deadline(*this, std::nullopt);
    queue_->open();
    if (initiator_)
        linger_ = Linger::make(*reactor_, [this] { return look_whether_left(); });
    heard_ = true;
    leave_start_up({});
    probe();
    reactor_->wake(shared_from_this());  // for what other threads have asked meanwhile
}

void VerbsConnection::leave_start_up(Status how) {
    if (const auto left = std::exchange(left_, nullptr))
        left();
    if (const auto established = std::exchange(established_, nullptr))
        established(std::move(how));
    door_ = nullptr;
}

void VerbsConnection::fail_start_up(Error why) {
    if (!initiator_)
        log::info("{}: no connection: {}", peer_address_, why.message);
    // A responder's handler has been made, and is to hear of the end; an initiator's has not heard of a
    // beginning.
    if (!initiator_ && handler_) {
        why_ = std::move(why);
        leave_start_up({});
        finish();
        return;
    }
    state_ = State::ended;
    handler_.reset();
    reactor_->remove(*this);
    if (queue_)
        queue_->halt();
    if (windows_)
        windows_->close();  // before the pair, see finish()
    if (pair_)
        pair_->destroy();
    events_.reset();
    leave_start_up(tl::unexpected<Error>(std::move(why)));
}

}  // namespace pmemckpt::rdma::verbs
