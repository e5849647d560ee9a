#include "lib/sync/service.hh"

namespace pmemckpt::sync {

namespace {

/// What came in the request may be in it, and a string on the wire has a limit.
std::string shortened(const std::string& sentence) {
    constexpr std::size_t kLongest = 4'000;
    return sentence.size() <= kLongest ? sentence : sentence.substr(0, kLongest) + "...";
}

}  // namespace

Status reply_error(Stream& stream, const Received& request, const Error& error) {
    const wire::ErrorAnswer answer{static_cast<std::uint32_t>(error.code), shortened(error.message)};
    return stream.send(wire::encode_answer(wire::Type::error, request.header.request_id, answer));
}

}  // namespace pmemckpt::sync
