#pragma once
// Two ends of an RDMA connection for tests: a handler that keeps what it hears, memory in scattered pages
// with a guard around each, and a pair of engines connected with each other.
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/rdma/engine.hh"
#include "tests/support/check.hh"
#include "tests/support/hostile_peer.hh"
#include "tests/support/transport.hh"

namespace pmemckpt::test {

inline constexpr unsigned kConnectTimeout_ms = 10'000;

using Bytes = std::vector<std::byte>;
Bytes bytes_of(std::string_view text);

/// Keeps all calls. Its checks wait for what comes from the engine's threads.
class Ear : public rdma::Handler {
public:
    struct Completion {
        std::uint64_t tag;
        Status status;
    };

    void on_message(std::span<const std::byte> message) override;
    void on_completion(std::uint64_t tag, const Status& status) override;
    void on_close(const Error& why) override;

    /// What the handler is to do besides, on the engine's thread.
    std::function<void(std::span<const std::byte>)> message_hook;
    std::function<void(std::uint64_t, const Status&)> completion_hook;
    std::function<void(const Error&)> close_hook;

    std::vector<Bytes> wait_messages(std::size_t count, const Place& place = Place::current());
    std::vector<Completion> wait_completions(std::size_t count, const Place& place = Place::current());
    Error wait_close(const Place& place = Place::current());

    /// wait_messages() counts from 0 again.
    void forget_messages();
    std::vector<Completion> completions();
    std::size_t message_count();
    bool closed();
    unsigned closes();
    bool called_after_close();

private:
    void wait(const std::function<bool()>& holds, const char* what, const Place& place);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Bytes> messages_;
    std::vector<Completion> completions_;
    std::optional<Error> closed_;
    unsigned closes_ = 0;
    bool called_after_close_ = false;
};

/// `pages` pages of `page_size` bytes, in random order, each with a guard page on either side; mapped shared,
/// as media are.
class Scattered {
public:
    Scattered(std::size_t pages, std::size_t page_size);
    rdma::Translation translation() const;
    std::uint64_t size() const { return pages_.size() * page_size_; }
    /// The range as the peer sees it.
    Bytes read(std::uint64_t at, std::uint64_t count) const;
    Bytes content() const { return read(0, size()); }
    void fill(const Bytes& content);
    /// Whether no byte of a guard was changed.
    bool guards_whole() const;
    std::span<std::byte> mapping() { return mapping_; }
    Scattered(const Scattered&) = delete;
    Scattered& operator=(const Scattered&) = delete;
    ~Scattered();

private:
    std::size_t page_size_;
    std::span<std::byte> mapping_;
    std::vector<std::uint64_t> pages_;
};

/// A window that the peer, whose ear that is, has been told of: from now on he can use it. His messages are
/// forgotten.
rdma::Grant granted(rdma::Connection& by, Ear& peer, rdma::Translation translation, rdma::Access access,
                    const Place& place = Place::current());

struct Accepted {
    std::shared_ptr<rdma::Connection> connection;
    std::shared_ptr<Ear> ear;
};

/// Listens on a host's address and keeps what is accepted.
class Server {
public:
    explicit Server(rdma::EngineOptions options = {}, const std::string& host = "127.0.0.1",
                    const std::string& engine_name = "iwarp");
    Address address() const { return listener->address(); }
    /// The connection accepted as the `number`th, from 0.
    Accepted wait_accepted(std::size_t number, const Place& place = Place::current());
    std::size_t accepted_count();

    std::unique_ptr<rdma::Engine> engine;
    std::unique_ptr<rdma::Listener> listener;
    /// Called by the acceptor for each connection, before anything comes of it.
    std::function<void(const Accepted&)> accept_hook;

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Accepted> accepted_;
};

/// An engine that is connected to a hand-made responder.
class Initiator {
public:
    explicit Initiator(StartUpFrame reply, rdma::EngineOptions options = {});

private:
    HostileListener listener_;

public:
    std::shared_ptr<Ear> ear = std::make_shared<Ear>();
    std::optional<HostilePeer> peer;
    std::unique_ptr<rdma::Engine> engine;
    std::shared_ptr<rdma::Connection> connection;
};

inline const StartUpFrame kPlainReply{.reply = true, .flags = 0, .revision = 1, .private_data = {}};
inline const StartUpFrame kEnhancedReply{.reply = true, .flags = 0x10, .revision = 2, .private_data = {}};

/// Where the answer to a Read Request is to go.
std::uint32_t sink_of(std::span<const std::byte> read_request_ulpdu);

/// Two engines connected with each other.
class Pair {
public:
    explicit Pair(rdma::EngineOptions server = {}, rdma::EngineOptions client = {},
                  const std::string& engine_name = "iwarp", const std::string& host = "127.0.0.1");

    Server listening;
    std::unique_ptr<rdma::Engine> client_engine;
    std::shared_ptr<Ear> server_ear, client_ear;
    std::shared_ptr<rdma::Connection> server, client;
};

/// The client's random writes at any byte of that window, of any size, and reads of what was written,
/// compared with a model beside; `memory` is what the window is over.
void compare_with_a_model(Pair& pair, const rdma::Grant& grant, const Scattered& memory);

}  // namespace pmemckpt::test
