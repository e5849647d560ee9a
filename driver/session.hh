#pragma once
// One connection of a client, from its handshake to its end.
//
//     connected ──HELLO, PROOF──► open ──requests──► closed ──► ended (drafts dropped, generations let go)
//         └─── anything else, or the time is over ──────►┘
//
// Messages wait in the inbox; the workers run them one at a time, in order. The same goes for the end, which
// comes last.
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "driver/channel.hh"
#include "driver/handshake.hh"
#include "driver/requests.hh"
#include "driver/services.hh"

namespace pmemckpt::driver {

struct SessionInfo {
    std::uint64_t id = 0;
    std::string principal;  ///< empty until it is proved
    std::string pool;
    std::int64_t since_ns = 0;  ///< nanoseconds since 1970, UTC
    rdma::Peer peer;
};

class Sessions;

class Session : public rdma::Handler, public std::enable_shared_from_this<Session> {
public:
    Session(Services& services, Sessions& sessions, std::uint64_t id,
            std::shared_ptr<rdma::Connection> connection);

    /// Once, when a shared_ptr owns it: from here on the handshake's time runs.
    void start();

    void on_message(std::span<const std::byte> message) override;
    void on_completion(std::uint64_t, const Status&) override {}  // a manager posts neither writes nor reads
    void on_close(const Error& why) override;

    /// What comes from now on is answered with ESHUTDOWN.
    void drain();
    void close(Error why);
    bool is_closing() const { return closing_; }  ///< close() was called
    bool is_idle() const;
    bool is_authenticated() const;
    std::string principal() const;  ///< empty until it is proved
    SessionInfo info() const;

private:
    using Bytes = std::vector<std::byte>;
    enum class Next { message, end, nothing };
    void post();
    void run_next();
    std::optional<Bytes> next_message();
    Next next_step();
    void run(const Bytes& message);
    void run_handshake(const wire::Message& message, const Bytes& whole);
    Status admit();
    void violated(std::uint64_t request_id, const Error& why);
    void record(AuditEvent event, const Error& why);
    void end();
    void forget_inbox();
    void refuse_while_draining(std::span<const std::byte> message);
    std::size_t inbox_limit() const;
    std::string owner() const;
    std::string name() const;

    Services& services_;
    Sessions& sessions_;
    const std::uint64_t id_;
    const std::int64_t since_ns_;
    const std::shared_ptr<Channel> channel_;
    std::atomic<bool> closing_ = false;

    // Used by the worker that runs this session, one at a time.
    Handshake handshake_;
    std::unique_ptr<Requests> requests_;  // from WELCOME on

    mutable std::mutex mutex_;  // under it no other but the deadlines'
    std::deque<Bytes> inbox_;
    bool running_ = false;  // a task is posted or runs
    bool failed_ = false;   // it broke a rule: what it sends is not looked at any more
    bool draining_ = false;
    bool closed_ = false;  // on_close came
    Error why_closed_{};   // what it said
    bool ended_ = false;
    std::string principal_;  // once proved
    std::string pool_name_;
    std::optional<Deadlines::Id> handshake_deadline_;
};

}  // namespace pmemckpt::driver
