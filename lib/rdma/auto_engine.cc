#include "lib/rdma/auto_engine.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.hh"
#include "lib/rdma/verbs/engine.hh"

namespace pmemckpt::rdma {

namespace {

/// A host without an RDMA device answers nothing at all: then the other way is tried, while there is time for
/// it.
constexpr unsigned kVerbsShare = 2;
constexpr unsigned kVerbsLimit_ms = 5'000;
constexpr unsigned kPortTries = 8;

class BothListeners final : public Listener {
public:
    BothListeners(std::unique_ptr<Listener> verbs, std::unique_ptr<Listener> iwarp)
        : verbs_(std::move(verbs)), iwarp_(std::move(iwarp)) {}
    void accept() override {
        for (auto* listener : {verbs_.get(), iwarp_.get()})
            if (listener)
                listener->accept();
    }
    Address address() const override { return (iwarp_ ? iwarp_ : verbs_)->address(); }

private:
    std::unique_ptr<Listener> verbs_, iwarp_;
};

class AutoEngine final : public Engine {
public:
    AutoEngine(std::unique_ptr<Engine> verbs, std::unique_ptr<Engine> iwarp, const EngineOptions& options)
        : verbs_(std::move(verbs)),
          iwarp_(std::move(iwarp)),
          level_(options.announce ? log::Level::notice : log::Level::info) {}

    const char* name() const override { return "verbs and iwarp"; }
    Result<std::shared_ptr<Connection>> connect(const Address& address, std::shared_ptr<Handler> handler,
                                                unsigned timeout_ms) override;
    Result<std::unique_ptr<Listener>> listen(const Address& address, Acceptor acceptor) override;

private:
    Result<std::unique_ptr<Listener>> listen_once(const Address& address, Acceptor acceptor);
    template <class... Arguments>
    void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
        log::write(level_, fmt::format(format, std::forward<Arguments>(arguments)...));
    }

    const std::unique_ptr<Engine> verbs_, iwarp_;
    const log::Level level_;
};

Result<std::shared_ptr<Connection>> AutoEngine::connect(const Address& address,
                                                        std::shared_ptr<Handler> handler,
                                                        unsigned timeout_ms) {
    const auto share = std::min(timeout_ms / kVerbsShare, kVerbsLimit_ms);
    auto made = verbs_->connect(address, handler, share);
    if (made) {
        say("transport verbs: an RDMA device reaches {}", format_address(address));
        return made;
    }
    say("transport iwarp: {}", made.error().message);
    auto other = iwarp_->connect(address, std::move(handler), timeout_ms - share);
    if (!other)
        return fail(other.error().code, "{}; and over RDMA: {}", other.error().message, made.error().message);
    return other;
}

bool has_iwarp_device() {
    const auto devices = verbs::devices();
    return std::any_of(devices.begin(), devices.end(), [](const auto& device) { return device.iwarp; });
}

/// A port that the kernel picked for the devices may be another program's among those of TCP: then another
/// one is picked.
Result<std::unique_ptr<Listener>> AutoEngine::listen(const Address& address, Acceptor acceptor) {
    auto listening = listen_once(address, acceptor);
    for (unsigned i = 1;
         i < kPortTries && address.port == 0 && !listening && listening.error().code == EADDRINUSE; ++i)
        listening = listen_once(address, acceptor);
    return listening;
}

/// A device that speaks iWARP itself takes the TCP port, and everybody who speaks iWARP reaches it there.
Result<std::unique_ptr<Listener>> AutoEngine::listen_once(const Address& address, Acceptor acceptor) {
    auto verbs = verbs_->listen(address, acceptor);
    if (!verbs && verbs.error().code == EADDRINUSE)
        return verbs;  // not by half, where another manager may be
    if (!verbs) {
        say("transport iwarp: {}", verbs.error().message);
        return iwarp_->listen(address, std::move(acceptor));
    }
    const auto taken = (*verbs)->address();
    auto iwarp = iwarp_->listen(taken, std::move(acceptor));
    if (!iwarp && (iwarp.error().code != EADDRINUSE || !has_iwarp_device()))
        return iwarp;
    say("transport verbs on {}{}", format_address(taken),
        iwarp ? ", and iwarp for who has no RDMA device" : ": an iWARP device has that port");
    return std::make_unique<BothListeners>(std::move(*verbs), iwarp ? std::move(*iwarp) : nullptr);
}

}  // namespace

std::unique_ptr<Engine> make_auto_engine(std::unique_ptr<Engine> verbs, std::unique_ptr<Engine> iwarp,
                                         const EngineOptions& options) {
    return std::make_unique<AutoEngine>(std::move(verbs), std::move(iwarp), options);
}

}  // namespace pmemckpt::rdma
