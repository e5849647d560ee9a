#pragma once
// Requests beyond those of sync points, that a participant may answer as well.
#include <cstdint>

#include "lib/sync/stream.hh"

namespace pmemckpt::sync {

/// Of one connection. Threads: that of the connection; others have their own.
class Service {
public:
    virtual ~Service() = default;
    virtual bool knows(std::uint16_t type) const = 0;
    /// Reads what is behind the message, and answers. An error ends the connection.
    virtual Status take(const Received& request, Stream& stream) = 0;
};

/// The answer to it, or the error. What is not sent ends the connection.
Status reply_error(Stream& stream, const Received& request, const Error& error);
template <class Answer>
Status reply(Stream& stream, const Received& request, const Result<Answer>& result) {
    if (!result)
        return reply_error(stream, request, result.error());
    const auto type = request.header.type;
    if constexpr (std::is_void_v<Answer>)
        return stream.send(
            wire::encode_answer(static_cast<wire::Type>(type), request.header.request_id, wire::Empty{}));
    else
        return stream.send(
            wire::encode_answer(static_cast<wire::Type>(type), request.header.request_id, *result));
}

}  // namespace pmemckpt::sync
