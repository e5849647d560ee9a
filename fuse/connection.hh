#pragma once
// A client that comes back: when its connection is lost, the next use connects anew, to the same pool and no
// other.
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "fuse/source.hh"
#include "lib/base/result.hh"
#include "lib/client/client.hh"

namespace pmemckpt::view {

/// After an attempt to connect failed, there is none for this long; who comes in between is told at once.
inline constexpr std::chrono::milliseconds kReconnectPause{1000};

class Connection {
public:
    /// The client's errors, as they are: for the first time, a wrong key has to be a wrong key.
    static Result<std::shared_ptr<Connection>> connect(const client::Options& options);

    /// The client; a new one when the last one's connection is lost. Waits at most the options' timeout for
    /// each thread ahead of this one. ENOTCONN with the reason, whatever that is.
    Result<std::shared_ptr<client::Client>> client();

    /// operation(client); once more, on a new connection, when the connection broke under it.
    template <class Operation>
    auto run(Operation operation) -> decltype(operation(std::declval<client::Client&>())) {
        for (bool again = false;; again = true) {
            auto now = TRY(client());
            auto result = operation(*now);
            if (result || (now->state() && !is_connection_error(result.error().code)))
                return result;
            if (again ||
                now->state())  // a request that timed out on a connection that stands is not made twice
                return fail(ENOTCONN, "{}", result.error().message);
        }
    }

    const client::Options& options() const { return options_; }
    const wire::Uuid& pool_uuid() const { return uuid_; }
    std::uint64_t reconnects() const;
    /// As far as is known without trying.
    Status state() const;

private:
    using Clock = std::chrono::steady_clock;
    Connection(client::Options options, std::shared_ptr<client::Client> client);
    Result<std::shared_ptr<client::Client>> connect_again();
    Status note_loss(const Error& why);

    const client::Options options_;  // all filled in; the pool by its UUID
    const wire::Uuid uuid_;
    mutable std::mutex
        mutex_;  // guards what follows; held while connecting, so that one thread does it for all
    std::shared_ptr<client::Client> client_;
    bool lost_ = false;
    std::string reason_;  // of the last failed attempt
    Clock::time_point next_attempt_{};
    std::uint64_t reconnects_ = 0;
};

}  // namespace pmemckpt::view
