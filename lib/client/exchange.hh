#pragma once
// One connection's outstanding requests and operations: pairs answers with requests and completions with
// transfers. The engine holds it as the connection's handler; it doesn't own the engine (session.hh does).
//
// Lock order: none but its own, and that is never held over a call of the engine.
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "lib/client/in_flight.hh"
#include "lib/client/limits.hh"
#include "lib/rdma/engine.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::client {

/// What a request that is not answered in time means.
enum class WhenLate {
    end_connection,  ///< the manager is not well: nothing more is asked of it
    forget           ///< its answer is dropped when it comes
};

/// An operation and who waits for its end.
struct Operation {
    rdma::OneSided one;  ///< its tag is the exchange's
    std::shared_ptr<InFlight> transfer;
    std::shared_ptr<InFlight>
        buffer;  ///< of memory the caller registered; null when registered for this operation
};

class Exchange final : public rdma::Handler {
public:
    explicit Exchange(std::string server) : server_(std::move(server)) {}

    /// Once, when the engine has connected.
    void start(std::shared_ptr<rdma::Connection> connection);
    const std::string& server() const { return server_; }
    /// ok while the connection stands, else why it ended.
    Status state() const;
    /// Ends the connection: everybody who waits gets `why`. Ignored when it has ended.
    void end(Error why);

    std::uint64_t next_id() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
    /// Sends `request`, which carries `id`, and waits for its answer: the whole message, of the type that
    /// answers `type`. The error of an ErrorAnswer is returned as it came. A manager runs the requests of a
    /// session one after the other: `limit` counts from when the last one before this has its answer (but not
    /// with WhenLate::forget).
    Result<std::vector<std::byte>> ask(std::uint64_t id, wire::Type type,
                                       const std::vector<std::byte>& request, Milliseconds limit,
                                       WhenLate late);

    /// Sends a request whose answer nobody waits for. Not sent when too many answers are outstanding already.
    Status tell(std::uint64_t id, const std::vector<std::byte>& request);

    /// All of them, one after the other on the wire, or none.
    Status post(std::vector<Operation> operations);
    /// What is posted and waited for meanwhile is handled by this thread.
    std::unique_ptr<rdma::Attending> attend() const;
    /// InFlight::wait_below, of operations of this connection.
    bool wait_below(const InFlight& in_flight, std::size_t limit, Milliseconds stall);
    /// Whether this end has RDMA FLUSH.
    bool can_flush() const;
    Result<std::shared_ptr<rdma::Registration>> register_memory(std::span<std::byte> bytes);

    /// The reason why the connection ended, when an operation has failed with `failure`; waits for it a
    /// moment.
    Error reason(const Error& failure);

private:
    struct Waiting {
        std::uint16_t answer_type = 0;
        std::optional<Result<std::vector<std::byte>>> answer;
        std::condition_variable ready;
    };

    void on_message(std::span<const std::byte> message) override;
    void on_completion(std::uint64_t tag, const Status& status) override;
    void on_close(const Error& why) override;

    Error lost(const Error& why) const;
    Result<std::shared_ptr<rdma::Connection>> connection() const;
    Status enter(std::uint64_t id, Waiting& waiting);
    void leave(std::uint64_t id);
    bool waits_behind_another(std::uint64_t id) const;
    Status accept(const wire::Message& message, std::span<const std::byte> whole);
    Result<std::vector<std::byte>> wait_for_answer(std::uint64_t id, Waiting& waiting, Milliseconds limit,
                                                   WhenLate late);
    void settle(const Error& why);
    bool wait_for_room(std::chrono::steady_clock::time_point end);
    template <class Holds>
    std::unique_lock<std::mutex> wait(std::condition_variable& changed, Milliseconds limit, Holds&& holds,
                                      Milliseconds serves = kServes);
    void serve(const std::function<bool()>& done, Milliseconds limit);
    std::shared_ptr<rdma::Connection> standing() const;
    template <class Post>
    Status try_post(Milliseconds limit, Post&& attempt);
    std::optional<Operation> take(std::uint64_t tag);

    const std::string server_;
    std::atomic<std::uint64_t> next_id_{1};

    mutable std::mutex mutex_;      // guards all below
    std::condition_variable room_;  // an operation has ended, or the connection
    std::condition_variable slot_;  // a request has its answer, or the connection has ended
    std::condition_variable ended_changed_;
    std::shared_ptr<rdma::Connection> connection_;
    std::optional<Error> ended_;
    bool closed_ = false;                        // on_close was there
    std::map<std::uint64_t, Waiting*> waiting_;  // by request_id: in the order of asking
    std::unordered_set<std::uint64_t> forgotten_;
    std::unordered_map<std::uint64_t, Operation> operations_;  // by tag
};

}  // namespace pmemckpt::client
