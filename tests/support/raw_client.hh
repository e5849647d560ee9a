#pragma once
// A client that says exactly what a test wants said: messages by hand over a real connection, no library
// between.
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/keys.hh"
#include "lib/rdma/engine.hh"
#include "lib/wire/handshake.hh"
#include "lib/wire/messages.hh"
#include "tests/support/check.hh"

namespace pmemckpt::test {

using Bytes = std::vector<std::byte>;

class RawClient : public rdma::Handler {
public:
    /// Connected and no more: nothing is said yet.
    static std::shared_ptr<RawClient> connect(rdma::Engine& engine, const Address& address);
    /// With the handshake behind it; what is wrong fails the test.
    static std::shared_ptr<RawClient> open(rdma::Engine& engine, const Address& address,
                                           const std::string& principal, const Key& key,
                                           const std::string& pool = {});

    void send(std::span<const std::byte> message);
    /// The next message that came; fails after the limit, or when the connection ended without one.
    Bytes receive();
    /// Sends a request and takes the next message as its answer.
    template <class Answer, class Request>
    Result<Answer> ask(const Request& request) {
        const auto id = ++last_id_;
        send(wire::encode_request(id, request));
        return answer<Answer>(receive(), Request::kType, id);
    }
    template <class Request>
    std::uint64_t post(const Request& request) {
        send(wire::encode_request(++last_id_, request));
        return last_id_;
    }
    template <class Answer>
    Result<Answer> answer(const Bytes& bytes, wire::Type to, std::uint64_t id) {
        const auto message = ok(wire::parse_message(bytes));
        equal(message.header.request_id, id);
        if (message.header.type == (static_cast<std::uint16_t>(wire::Type::error) | wire::kAnswer)) {
            const auto error = ok(wire::decode_body<wire::ErrorAnswer>(message.body));
            return tl::unexpected<Error>(Error{static_cast<int>(error.code), error.message});
        }
        equal(message.header.type, static_cast<std::uint16_t>(to) | wire::kAnswer);
        return ok(wire::decode_body<Answer>(message.body));
    }
    Result<wire::Welcome> authenticate(const std::string& principal, const Key& key,
                                       const std::string& pool = {});

    /// On return the operation is complete, which says nothing of the other side's Write.
    Status write(const wire::Window& window, std::uint64_t offset, std::span<std::byte> bytes);
    Result<Bytes> read(const wire::Window& window, std::uint64_t offset, std::size_t size);

    void close();
    /// Waits for the connection's end and says why.
    Error ended();
    bool is_ended();
    bool has_message();

    void on_message(std::span<const std::byte> message) override;
    void on_completion(std::uint64_t tag, const Status& status) override;
    void on_close(const Error& why) override;

private:
    template <class Holds>
    void wait(std::unique_lock<std::mutex>& lock, const char* what, const Holds& holds);
    Status completed(std::uint64_t tag);
    std::shared_ptr<rdma::Connection> connection();

    std::uint64_t last_id_ = 0, last_tag_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<rdma::Connection> connection_;  // none once it has ended
    std::deque<Bytes> messages_;
    std::map<std::uint64_t, Status> completions_;
    std::optional<Error> ended_;
};

}  // namespace pmemckpt::test
