#pragma once
// A manager without a network: a small pool in memory, and sessions of clients who are played.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/requests.hh"
#include "tests/fuzz/small_pool.hh"
#include "tests/fuzz/target.hh"

namespace pmemckpt::fuzz {

/// A client's end: his windows, through which he writes, and what he is answered late.
class PlayedConnection final : public rdma::Connection {
public:
    struct Window {
        rdma::Translation translation;
        rdma::Access access = rdma::Access::read;
    };

    Status send(std::span<const std::byte> message) override;
    Status send_with_invalidate(std::span<const std::byte> message, rdma::Key) override {
        return send(message);
    }
    bool reads_persist() const override { return true; }
    Result<std::shared_ptr<rdma::Registration>> register_memory(std::span<std::byte>) override;
    Status post(std::span<const rdma::OneSided>) override;
    Result<rdma::Grant> grant(rdma::Translation translation, rdma::Access access) override;
    void revoke(rdma::Key key) override { windows_.erase(key); }
    void close(Error) override {}
    rdma::Peer peer() const override { return {"played", "played", 1, 2, 3}; }

    /// Writes a byte everywhere that he may write a draft.
    void scribble(std::byte byte);
    /// Writes into a window of a log, at `at` of its range; whether it fits.
    bool write_log(rdma::Key key, std::uint64_t at, std::span<const std::byte> bytes);

private:
    rdma::Key last_key_ = 0;
    std::map<rdma::Key, Window> windows_;
};

/// What a session was told of the log that it has open for append.
struct OpenedLog {
    wire::LogGranted granted;
    std::uint64_t sequence = 0, end = 0;
};

class SessionStage {
public:
    static constexpr std::size_t kSessions = 2;  // alice's, bob's

    SessionStage();
    /// All that was promised holds, now and when the pool is opened again.
    void end();

    /// Returns the body of the answer, when it is there at once and is none of an error.
    std::optional<Bytes> ask(std::size_t session, std::uint16_t type, std::span<const std::byte> body);
    void scribble(std::size_t session, std::byte byte) { sessions_[session].connection->scribble(byte); }
    /// Appends a record to the log that it has open, if it has one.
    void append(std::size_t session, std::size_t bytes);
    /// Its connection ends, by a loss or as it was meant; another one takes its place.
    void reconnect(std::size_t session);

private:
    struct Session {
        std::uint64_t id = 0;
        std::shared_ptr<PlayedConnection> connection;
        std::shared_ptr<driver::Channel> channel;
        std::unique_ptr<driver::Requests> requests;
        std::optional<OpenedLog> log;
    };
    void begin(std::size_t session);
    void finish(std::size_t session);
    void check_windows() const;
    void note_log(Session& session, std::uint16_t type, std::span<const std::byte> body);

    const std::shared_ptr<test::Tape> tape_;
    std::shared_ptr<driver::ServedPool> pool_;
    std::unique_ptr<driver::Services> services_;
    std::array<Session, kSessions> sessions_;
    std::uint64_t last_session_ = 0, last_request_ = 0;
};

}  // namespace pmemckpt::fuzz
