#pragma once
// Accepts connections from RDMA devices and has them start up, on the engine's reactors in turn.
#include <condition_variable>
#include <memory>
#include <mutex>

#include "lib/rdma/entrance.hh"
#include "lib/rdma/verbs/connection.hh"

namespace pmemckpt::rdma::verbs {

/// Connections in start-up at once; more are refused.
inline constexpr unsigned kMaximumStartingUp = 128;

/// The connection manager's listening id on its reactor.
class AcceptSource final : public Source, public std::enable_shared_from_this<AcceptSource> {
public:
    AcceptSource(std::shared_ptr<Reactor> reactor, std::shared_ptr<Reactors> reactors,
                 const EngineOptions& options, std::shared_ptr<Entrance> entrance);
    /// EADDRINUSE, EADDRNOTAVAIL (no device has that address). Before the reactor is woken for it.
    Status bind(const Address& address);

    const Address& address() const { return address_; }
    /// False when the reactor has ended.
    bool begin() { return reactor_->wake(shared_from_this()); }
    /// On return nothing is accepted any more. Any thread.
    void close();

    void on_events(std::uint32_t events) override;
    void on_deadline() override {}
    void on_wake() override;
    void on_stop() override;

private:
    Status bind_one(const SocketAddress& address);
    void take(rdma_cm_event& event);
    Status accept(CmId id, const rdma_conn_param& asked);
    void leave();

    const std::shared_ptr<Reactor> reactor_;
    const std::shared_ptr<Reactors> reactors_;
    const EngineOptions options_;
    const std::shared_ptr<Entrance> entrance_;
    const std::shared_ptr<std::atomic<unsigned>> starting_up_ = std::make_shared<std::atomic<unsigned>>(0);
    Address address_;
    CmChannel channel_;
    CmId id_;
    bool added_ = false;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool closing_ = false, left_ = false;
};

class VerbsListener final : public Listener {
public:
    VerbsListener(std::shared_ptr<AcceptSource> source, std::shared_ptr<Entrance> entrance)
        : source_(std::move(source)), entrance_(std::move(entrance)) {}
    ~VerbsListener() override;
    void accept() override { source_->begin(); }
    Address address() const override { return source_->address(); }

private:
    const std::shared_ptr<AcceptSource> source_;
    const std::shared_ptr<Entrance> entrance_;
};

}  // namespace pmemckpt::rdma::verbs
