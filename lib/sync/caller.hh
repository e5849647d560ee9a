#pragma once
// A connection to a participant, from who asks: the handshake, then requests and their answers, one at a
// time.
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/keys.hh"
#include "lib/sync/messages.hh"
#include "lib/sync/stream.hh"

namespace pmemckpt::sync {

/// The code of an error that came by the network; EPROTO when it is none.
int errno_of(const wire::ErrorAnswer& answer);

/// Threads: one at a time.
class Caller {
public:
    struct Wanted {
        std::string address;    ///< HOST:PORT
        std::string principal;  ///< who asks
        std::string key_dir;
        unsigned timeout_ms;  ///< for each answer to begin, and to go on
    };

    /// Both ends have proved who they are. EKEYREJECTED; ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT; EPROTO.
    static Result<Caller> connect(const Wanted& wanted);

    /// A refusal is an error, and the connection goes on. After any other one is_lost(): what became of the
    /// request is not known. `behind`: raw bytes that follow the request.
    template <class Answer, class Request>
    Result<Answer> ask(const Request& request, std::span<const std::byte> behind = {}) {
        if (lost_)
            return fail(ENOTCONN, "the connection to {} was lost", address());
        const auto id = ++last_id_;
        const auto message = wire::encode_request(id, request);
        const auto answer = TRY(note([&] { return exchange(id, message, behind); }));
        TRY(check_is_good(answer, static_cast<std::uint16_t>(Request::kType)));
        return note([&] { return wire::decode_body<Answer>(answer.body()); });
    }
    /// Reads an answer, or what follows it. What is wrong with it ends the connection, and so does what is
    /// thrown on the way: nobody knows then where the next one begins.
    template <class Read>
    auto note(Read&& read) -> decltype(read()) {
        lost_ = true;
        auto result = read();
        lost_ = !result;
        return result;
    }

    bool is_lost() const { return lost_; }
    Stream& stream() { return stream_; }
    const Uuid& participant() const { return participant_; }
    const std::string& address() const { return stream_.peer(); }

private:
    explicit Caller(Stream stream) : stream_(std::move(stream)) {}
    Status authenticate(const Wanted& wanted);
    Result<Received> take_turn(std::span<const std::byte> message, wire::Type type);
    Result<Received> exchange(std::uint64_t id, std::span<const std::byte> request,
                              std::span<const std::byte> behind);
    Status check_is_good(const Received& answer, std::uint16_t type);

    Stream stream_;
    Uuid participant_{};
    std::uint64_t last_id_ = 0;
    bool lost_ = false;
};

}  // namespace pmemckpt::sync
