#pragma once
// One authenticated connection to a manager: the engine, and what is outstanding on it.
#include <memory>
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
    const char* engine() const { return engine_->name(); }
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

    Milliseconds look_limit() const { return Milliseconds(options_.timeout_ms) + kLookAllowance; }
    Milliseconds change_limit() const { return Milliseconds(options_.timeout_ms) + kChangeAllowance; }

private:
    explicit Session(Options options) : options_(std::move(options)) {}
    Status open_connection();
    Status authenticate(const Key& key);

    const Options options_;
    wire::Welcome welcome_;
    wire::Uuid pool_uuid_{};
    std::shared_ptr<Exchange> exchange_;
    std::unique_ptr<rdma::Engine> engine_;  // goes first: on_close has returned then
};

}  // namespace pmemckpt::client
