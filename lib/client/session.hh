#pragma once
// One authenticated connection to a manager: the engine, and what is outstanding on it.
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "lib/base/keys.hh"
#include "lib/client/client.hh"
#include "lib/client/exchange.hh"

namespace pmemckpt::client {

/// Threads: any. Writers, readers and buffers hold it, so the engine outlives all that was made of it.
class Session {
public:
    /// `options` are complete (with_defaults).
    static Result<std::shared_ptr<Session>> connect(const Options& options);
    ~Session();

    const Options& options() const { return options_; }
    const wire::Welcome& welcome() const { return welcome_; }
    const wire::Uuid& pool_uuid() const { return pool_uuid_; }
    /// "verbs" or "iwarp".
    const char* engine() const { return engine_name_.c_str(); }
    Exchange& exchange() { return *exchange_; }

    /// Sends a request and returns its answer. The manager's refusal is returned as it came; an answer that
    /// makes no sense ends the connection, with EPROTO.
    template <class Answer, class Request>
    Result<Answer> call(const Request& request, Milliseconds limit,
                        WhenLate late = WhenLate::end_connection) {
        const auto id = exchange_->next_id();
        const auto whole =
            TRY(exchange_->ask(id, Request::kType, wire::encode_request(id, request), limit, late));
        auto answer = wire::decode_body<Answer>(std::span(whole).subspan(wire::kHeaderBytes));
        if (!answer)
            return tl::unexpected(distrust(std::move(answer).error()));
        return answer;
    }
    /// The manager sent what can't be: ends the connection. Returns the sentence for who asked.
    Error distrust(const Error& what);
    /// Says goodbye and ends the connection: whoever waits for an answer gets ESHUTDOWN.
    void shut_down();

    /// The logs of a region that are open here end with this client's next seal, clear or destruction of it:
    /// their windows die.
    void end_log(const std::string& region);
    /// How often that was.
    std::uint64_t logs_ended(const std::string& region) const;

    Milliseconds look_limit() const { return Milliseconds(options_.timeout_ms) + kLookAllowance; }
    Milliseconds change_limit() const { return Milliseconds(options_.timeout_ms) + kChangeAllowance; }

private:
    explicit Session(Options options) : options_(std::move(options)) {}
    Status open_connection();
    Status authenticate(const Key& key);
    void say_goodbye();

    const Options options_;
    wire::Welcome welcome_;
    wire::Uuid pool_uuid_{};
    std::string engine_name_;
    bool welcomed_ = false;
    mutable std::mutex ended_mutex_;  // guards ended_logs_
    std::map<std::string, std::uint64_t> ended_logs_;
    std::shared_ptr<Exchange> exchange_;
    std::unique_ptr<rdma::Engine> engine_;  // goes first: on_close has returned then
};

}  // namespace pmemckpt::client
