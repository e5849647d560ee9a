#include "lib/rdma/iwarp/listener.hh"

#include <sys/epoll.h>

#include <cerrno>

#include "lib/base/log.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

constexpr unsigned kAcceptsPerTurn = 16;
constexpr auto kPause = std::chrono::milliseconds(200);  // when the system has no more descriptors or memory

}  // namespace

std::uint64_t StartUps::add(const std::shared_ptr<IwarpConnection>& connection) {
    std::shared_ptr<IwarpConnection> oldest;
    std::uint64_t number = 0;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (connections_.size() >= kMaximumStartingUp) {
            oldest = connections_.begin()->second.lock();
            connections_.erase(connections_.begin());
        }
        number = ++last_;
        connections_.emplace(number, connection);
    }
    if (oldest)
        oldest->give_up_start_up();
    return number;
}

void StartUps::remove(std::uint64_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    connections_.erase(number);
}

AcceptSource::AcceptSource(std::shared_ptr<Reactor> reactor, std::shared_ptr<Reactors> reactors,
                           Shared shared, std::shared_ptr<Entrance> entrance, Listening listening)
    : reactor_(std::move(reactor)),
      reactors_(std::move(reactors)),
      shared_(std::move(shared)),
      entrance_(std::move(entrance)),
      listening_(std::move(listening)) {}

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
    listening_.socket.reset();
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
        closing = !reactor_->add(shared_from_this(), listening_.socket.get(), EPOLLIN);
    if (closing)
        leave();
}

void AcceptSource::on_stop() {
    leave();
}

void AcceptSource::on_deadline() {
    reactor_->set_interest(*this, EPOLLIN);
}

void AcceptSource::on_events(std::uint32_t) {
    for (unsigned i = 0; i < kAcceptsPerTurn; ++i)
        if (!accept_one())
            return;
}

bool AcceptSource::accept_one() {
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    FileDescriptor socket(::accept4(listening_.socket.get(), reinterpret_cast<sockaddr*>(&peer.storage),
                                    &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
        paused_ = false;
        accept_socket(std::move(socket), peer);
        return true;
    }
    switch (errno) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: pause(errno); return false;
        case EAGAIN: return false;
        default: return true;  // a connection that ended before it was accepted
    }
}

/// The one that waits stays readable: without a pause this would run in circles.
void AcceptSource::pause(int code) {
    if (!std::exchange(paused_, true))
        log::warning(
            "{}; connections wait",
            system_error(code, "can't accept connections on " + format_address(listening_.address)).message);
    reactor_->set_interest(*this, 0);
    reactor_->set_deadline(*this, Clock::now() + kPause);
}

void AcceptSource::accept_socket(FileDescriptor socket, const SocketAddress& peer) {
    if (const auto set =
            set_up_connection(socket.get(), shared_.options.idle_timeout_ms, shared_.options.idle_timeout_ms);
        !set)
        return;  // it is gone already
    const auto& reactor = reactors_->next();
    const auto connection =
        std::make_shared<IwarpConnection>(reactor, shared_, std::move(socket), format_socket_address(peer));
    const std::uint64_t number = start_ups_->add(connection);
    connection->be_responder(
        [entrance = entrance_](const std::shared_ptr<IwarpConnection>& made) {
            return entrance->enter(made);
        },
        Clock::now() + std::chrono::milliseconds(shared_.options.start_up_timeout_ms),
        [start_ups = start_ups_, number] { start_ups->remove(number); });
    reactor->wake(connection);
}

IwarpListener::~IwarpListener() {
    entrance_->close();
    source_->close();
}

}  // namespace pmemckpt::rdma::iwarp
