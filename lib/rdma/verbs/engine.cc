#include "lib/rdma/verbs/engine.hh"

#include <cerrno>
#include <future>

#include "lib/rdma/verbs/hidden_devices.hh"
#include "lib/rdma/verbs/listener.hh"

namespace pmemckpt::rdma::verbs {

namespace {

class VerbsEngine final : public Engine {
public:
    VerbsEngine(const EngineOptions& options, std::shared_ptr<Reactors> reactors)
        : options_(options), reactors_(std::move(reactors)) {}
    ~VerbsEngine() override {
        for (const auto& reactor : reactors_->all())
            reactor->stop();
    }

    const char* name() const override { return "verbs"; }
    Result<std::shared_ptr<Connection>> connect(const Address& address, std::shared_ptr<Handler> handler,
                                                unsigned timeout_ms) override;
    Result<std::unique_ptr<Listener>> listen(const Address& address, Acceptor acceptor) override;

private:
    Result<std::shared_ptr<Connection>> connect_one(const SocketAddress& peer,
                                                    std::shared_ptr<Handler> handler,
                                                    Clock::time_point deadline);

    const EngineOptions options_;
    const std::shared_ptr<Reactors> reactors_;
};

Result<std::shared_ptr<Connection>> VerbsEngine::connect(const Address& address,
                                                         std::shared_ptr<Handler> handler,
                                                         unsigned timeout_ms) {
    require(handler != nullptr, "a connection has a handler");
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    Result<std::shared_ptr<Connection>> made = fail(EHOSTUNREACH, "the host has no address");
    for (const auto& candidate : TRY(resolve_peer(address)))
        if (made = connect_one(candidate, handler, deadline); made || made.error().code == ETIMEDOUT)
            break;
    if (!made)
        return fail(made.error().code, "no connection with {}: {}", format_address(address),
                    made.error().message);
    return made;
}

Result<std::shared_ptr<Connection>> VerbsEngine::connect_one(const SocketAddress& peer,
                                                             std::shared_ptr<Handler> handler,
                                                             Clock::time_point deadline) {
    const auto& reactor = reactors_->next();
    auto connection = std::make_shared<VerbsConnection>(reactor, options_, format_socket_address(peer));
    const auto outcome = std::make_shared<std::promise<Status>>();
    connection->be_initiator(peer, std::move(handler), deadline,
                             [outcome](Status how) { outcome->set_value(std::move(how)); });
    if (!reactor->wake(connection))
        return fail(ECANCELED, "the engine is being closed");
    TRY(outcome->get_future().get());
    return connection;
}

Result<std::unique_ptr<Listener>> VerbsEngine::listen(const Address& address, Acceptor acceptor) {
    const auto& reactor = reactors_->next();
    const auto entrance = std::make_shared<Entrance>(std::move(acceptor));
    auto source = std::make_shared<AcceptSource>(reactor, reactors_, options_, entrance);
    TRY(source->bind(address));
    if (options_.accept_at_once && !source->begin())
        return fail(ECANCELED, "the engine is being closed");
    return std::make_unique<VerbsListener>(std::move(source), entrance);
}

}  // namespace

std::vector<Device> devices() {
    int count = 0;
    ibv_device** const list = ibv_get_device_list(&count);
    std::vector<Device> found;
    for (int i = 0; list && i < count; ++i)
        found.push_back({ibv_get_device_name(list[i]), list[i]->transport_type == IBV_TRANSPORT_IWARP});
    if (list)
        ibv_free_device_list(list);
    return found;
}

Result<std::unique_ptr<Engine>> make_verbs_engine(const EngineOptions& options) {
    if (devices().empty())
        return fail(ENODEV, "transport verbs: there is no RDMA device here{}; use iwarp, or auto",
                    hidden_devices(false));
    return std::make_unique<VerbsEngine>(options, TRY(Reactors::start(options.threads)));
}

}  // namespace pmemckpt::rdma::verbs
