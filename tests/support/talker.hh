#pragma once
// Control messages by hand: a test says exactly what it wants said, over whatever sends and receives.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/base/keys.hh"
#include "lib/wire/handshake.hh"
#include "lib/wire/messages.hh"
#include "tests/support/check.hh"

namespace pmemckpt::test {

using Bytes = std::vector<std::byte>;

class Talker {
public:
    virtual void send(std::span<const std::byte> message) = 0;
    /// The next message that came; fails after a limit, or when the connection ended without one.
    virtual Bytes receive() = 0;

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

protected:
    ~Talker() = default;

private:
    std::uint64_t last_id_ = 0;
};

}  // namespace pmemckpt::test
