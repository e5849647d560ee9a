#include "lib/sync/service.hh"

namespace pmemckpt::sync {

Status reply_error(Stream& stream, const Received& request, const Error& error) {
    const wire::ErrorAnswer answer{static_cast<std::uint32_t>(error.code), error.message};
    return stream.send(wire::encode_answer(wire::Type::error, request.header.request_id, answer));
}

}  // namespace pmemckpt::sync
