#include "lib/rdma/verbs/listener.hh"

#include <fcntl.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "lib/base/log.hh"
#include "lib/rdma/verbs/device_addresses.hh"
#include "lib/rdma/verbs/hidden_devices.hh"

namespace pmemckpt::rdma::verbs {

namespace {

constexpr int kBacklog = 128;

std::string peer_of(const rdma_cm_id& id) {
    SocketAddress peer;
    const auto* address = ::rdma_get_peer_addr(const_cast<rdma_cm_id*>(&id));
    peer.size = address->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::memcpy(&peer.storage, address, peer.size);
    return format_socket_address(peer);
}
}  // namespace

AcceptSource::AcceptSource(std::shared_ptr<Reactor> reactor, std::shared_ptr<Reactors> reactors,
                           const EngineOptions& options, std::shared_ptr<Entrance> entrance)
    : reactor_(std::move(reactor)),
      reactors_(std::move(reactors)),
      options_(options),
      entrance_(std::move(entrance)) {}

Status AcceptSource::bind(const Address& address) {
    address_ = address;
    channel_.reset(::rdma_create_event_channel());
    if (!channel_ || ::fcntl(channel_->fd, F_SETFL, O_NONBLOCK) != 0)
        return no_connection_manager(errno);
    Status bound = fail(EHOSTUNREACH, "the host \"{}\" has no address", address.host);
    for (const auto& candidate : TRY(resolve_to_listen(address)))
        if (bound = bind_one(candidate); bound || bound.error().code == EADDRINUSE)
            break;
    TRY(std::move(bound));
    address_.port = ntohs(::rdma_get_src_port(id_.get()));
    return {};
}

Status AcceptSource::bind_one(const SocketAddress& address) {
    TRY(check_not_of_this_host_alone(address, address_));
    const auto name = format_address(address_);
    rdma_cm_id* id = nullptr;
    if (::rdma_create_id(channel_.get(), &id, nullptr, RDMA_PS_TCP) != 0)
        return no_connection_manager(errno);
    id_.reset(id);
    if (::rdma_bind_addr(id, const_cast<sockaddr*>(as_sockaddr(address))) == 0 &&
        ::rdma_listen(id, kBacklog) == 0)
        return {};
    const int code = errno;
    // The kernel says the one of two that listen on the same address, and the other where one is any address.
    if (code == EADDRINUSE || (code == EADDRNOTAVAIL && leads_to_a_device(address)))
        return fail(EADDRINUSE, "{} is in use: another program listens there; end it or take another port",
                    name);
    if (code == EADDRNOTAVAIL || code == ENODEV)
        return tl::unexpected<Error>(not_of_a_device(address_));
    return fail_errno(code, "can't listen on {} with RDMA devices", name);
}

void AcceptSource::close() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        closing_ = true;
    }
    if (!reactor_->wake(shared_from_this()))
        return;  // the reactor has ended, and this with it
    if (reactor_->is_here()) {
        leave();
        return;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return left_; });
}

void AcceptSource::leave() {
    reactor_->remove(*this);
    id_.reset();
    channel_.reset();
    const std::lock_guard<std::mutex> lock(mutex_);
    left_ = true;
    changed_.notify_all();
}

void AcceptSource::on_wake() {
    bool closing = false;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        closing = closing_;
    }
    if (!closing && !std::exchange(added_, true))
        closing = !reactor_->add(shared_from_this(), channel_->fd, EPOLLIN);
    if (closing)
        leave();
}

void AcceptSource::on_stop() {
    leave();
}

void AcceptSource::on_events(std::uint32_t) {
    rdma_cm_event* event = nullptr;
    while (channel_ && ::rdma_get_cm_event(channel_.get(), &event) == 0)
        take(*event);
}

void AcceptSource::take(rdma_cm_event& event) {
    const auto kind = event.event;
    const auto asked = event.param.conn;
    CmId id(kind == RDMA_CM_EVENT_CONNECT_REQUEST ? event.id : nullptr);
    ::rdma_ack_cm_event(&event);
    if (kind == RDMA_CM_EVENT_DEVICE_REMOVAL) {
        log::error(
            "the RDMA device that has {} was removed: nobody can connect there any more; restart when it is "
            "back",
            format_address(address_));
    } else if (id) {
        const auto peer = peer_of(*id);
        if (const auto accepted = accept(std::move(id), asked); !accepted)
            log::info("{}: no connection: {}", peer, accepted.error().message);
    }
}

Status AcceptSource::accept(CmId id, const rdma_conn_param& asked) {
    if (*starting_up_ >= kMaximumStartingUp) {
        ::rdma_reject(id.get(), nullptr, 0);
        return fail(EBUSY, "{} connections are starting up already", kMaximumStartingUp);
    }
    // A channel of its own: its events come on its own reactor.
    VerbsConnection::Request request;
    request.channel.reset(::rdma_create_event_channel());
    if (!request.channel || ::rdma_migrate_id(id.get(), request.channel.get()) != 0)
        return fail_errno(errno, "no event channel for it");
    request.reads_taken = asked.responder_resources;
    request.reads_made = asked.initiator_depth;
    const auto& reactor = reactors_->next();
    const auto connection = std::make_shared<VerbsConnection>(reactor, options_, peer_of(*id));
    request.id = std::move(id);
    ++*starting_up_;
    connection->be_responder(
        std::move(request),
        [entrance = entrance_](const std::shared_ptr<VerbsConnection>& made) {
            return entrance->enter(made);
        },
        Clock::now() + std::chrono::milliseconds(options_.start_up_timeout_ms),
        [count = starting_up_] { --*count; });
    reactor->wake(connection);
    return {};
}

VerbsListener::~VerbsListener() {
    entrance_->close();
    source_->close();
}

}  // namespace pmemckpt::rdma::verbs
