#include "lib/rdma/iwarp/engine.hh"

#include <sodium.h>

#include <cerrno>
#include <future>

#include "lib/rdma/iwarp/listener.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

Result<Connected> reach(const Address& address, Clock::time_point deadline) {
    auto connected = connect_socket(address, deadline);
    if (!connected && connected.error().code == ECONNREFUSED)
        connected.error().message += " (a manager with --transport verbs does not listen on TCP)";
    return connected;
}

class IwarpEngine final : public Engine {
public:
    IwarpEngine(const EngineOptions& options, std::shared_ptr<Reactors> reactors)
        : shared_{options, &persister_}, reactors_(std::move(reactors)) {}
    ~IwarpEngine() override;

    const char* name() const override { return "iwarp"; }
    Result<std::shared_ptr<Connection>> connect(const Address& address, std::shared_ptr<Handler> handler,
                                                unsigned timeout_ms) override;
    Result<std::unique_ptr<Listener>> listen(const Address& address, Acceptor acceptor) override;

private:
    Persister persister_;
    const Shared shared_;
    const std::shared_ptr<Reactors> reactors_;
};

IwarpEngine::~IwarpEngine() {
    for (const auto& reactor : reactors_->all())
        reactor->stop();
}

Result<std::shared_ptr<Connection>> IwarpEngine::connect(const Address& address,
                                                         std::shared_ptr<Handler> handler,
                                                         unsigned timeout_ms) {
    require(handler != nullptr, "a connection has a handler");
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    auto connected = TRY(reach(address, deadline));
    TRY(set_up_connection(connected.socket.get(), shared_.options.idle_timeout_ms,
                          shared_.options.idle_timeout_ms));
    const auto& reactor = reactors_->next();
    auto connection = std::make_shared<IwarpConnection>(reactor, shared_, std::move(connected.socket),
                                                        std::move(connected.peer_address));
    const auto outcome = std::make_shared<std::promise<Status>>();
    connection->be_initiator(std::move(handler), deadline,
                             [outcome](Status how) { outcome->set_value(std::move(how)); });
    if (!reactor->wake(connection))
        return fail(ECANCELED, "the engine is being closed");
    if (auto how = outcome->get_future().get(); !how)
        return fail(how.error().code, "no connection with {}: {}", format_address(address),
                    how.error().message);
    return connection;
}

Result<std::unique_ptr<Listener>> IwarpEngine::listen(const Address& address, Acceptor acceptor) {
    auto listening = TRY(listen_socket(address));
    const auto& reactor = reactors_->next();
    const auto entrance = std::make_shared<Entrance>(std::move(acceptor));
    auto source = std::make_shared<AcceptSource>(reactor, reactors_, shared_, entrance, std::move(listening));
    if (shared_.options.accept_at_once && !source->begin())
        return fail(ECANCELED, "the engine is being closed");
    return std::make_unique<IwarpListener>(std::move(source), entrance);
}

}  // namespace

Result<std::unique_ptr<Engine>> make_iwarp_engine(const EngineOptions& options) {
    if (::sodium_init() < 0)
        return fail(EIO, "the system gives no random numbers");
    return std::make_unique<IwarpEngine>(options, TRY(Reactors::start(options.threads)));
}

}  // namespace pmemckpt::rdma::iwarp
