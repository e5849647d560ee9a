#pragma once
// Accepts connections and has them start up, on the engine's reactors in turn.
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "lib/base/tcp_socket.hh"
#include "lib/rdma/entrance.hh"
#include "lib/rdma/iwarp/connection.hh"

namespace pmemckpt::rdma::iwarp {

/// Connections in start-up at once; one more ends the oldest of them, so that silent ones keep nobody out.
inline constexpr std::size_t kMaximumStartingUp = 128;

/// Those in start-up. Any thread.
class StartUps {
public:
    std::uint64_t add(const std::shared_ptr<IwarpConnection>& connection);
    void remove(std::uint64_t number);

private:
    std::mutex mutex_;
    std::map<std::uint64_t, std::weak_ptr<IwarpConnection>> connections_;  // the oldest first
    std::uint64_t last_ = 0;
};

/// The socket on its reactor.
class AcceptSource final : public Source, public std::enable_shared_from_this<AcceptSource> {
public:
    AcceptSource(std::shared_ptr<Reactor> reactor, std::shared_ptr<Reactors> reactors, Shared shared,
                 std::shared_ptr<Entrance> entrance, Listening listening);

    const Address& address() const { return listening_.address; }
    /// False when the reactor has ended.
    bool begin() { return reactor_->wake(shared_from_this()); }
    /// On return nothing is accepted any more. Any thread.
    void close();

    void on_events(std::uint32_t events) override;
    void on_deadline() override;
    void on_wake() override;
    void on_stop() override;

private:
    bool accept_one();
    void accept_socket(FileDescriptor socket, const SocketAddress& peer);
    void pause(int code);
    void leave();

    const std::shared_ptr<Reactor> reactor_;
    const std::shared_ptr<Reactors> reactors_;
    const Shared shared_;
    const std::shared_ptr<Entrance> entrance_;
    const std::shared_ptr<StartUps> start_ups_ = std::make_shared<StartUps>();
    Listening listening_;
    bool added_ = false;
    bool paused_ = false;  // since a pause that was logged nothing has been accepted

    std::mutex mutex_;
    std::condition_variable changed_;
    bool closing_ = false, left_ = false;
};

class IwarpListener final : public Listener {
public:
    IwarpListener(std::shared_ptr<AcceptSource> source, std::shared_ptr<Entrance> entrance)
        : source_(std::move(source)), entrance_(std::move(entrance)) {}
    ~IwarpListener() override;
    void accept() override { source_->begin(); }
    Address address() const override { return source_->address(); }

private:
    const std::shared_ptr<AcceptSource> source_;
    const std::shared_ptr<Entrance> entrance_;
};

}  // namespace pmemckpt::rdma::iwarp
