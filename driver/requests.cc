#include "driver/requests.hh"

#include <cerrno>

#include "driver/convert.hh"

namespace pmemckpt::driver {

using wire::Type;

namespace {

constexpr std::size_t kMaximumErrorText = 1024;  // bytes

}  // namespace

std::vector<std::byte> error_answer(std::uint64_t request_id, const Error& error) {
    wire::ErrorAnswer answer{static_cast<std::uint32_t>(error.code), error.message};
    if (answer.message.size() > kMaximumErrorText)
        answer.message.resize(kMaximumErrorText);
    return wire::encode_answer(Type::error, request_id, answer);
}

Requests::~Requests() {
    services_.waiters.drop_session(who_.session_id);
    services_.tables.drop_session(who_.session_id);
}

template <class Request, class T>
Requests::Reply Requests::call(const wire::Message& message, Answer<T> (Requests::*method)(const Request&)) {
    const auto id = message.header.request_id;
    auto request = wire::decode_body<Request>(message.body);
    if (!request)
        return {error_answer(id, request.error()), std::move(request).error()};
    const auto answer = (this->*method)(*request);
    if (!answer)
        return {error_answer(id, answer.error()), {}};
    return {wire::encode_answer(Request::kType, id, *answer), {}};
}

Requests::Reply Requests::run(const wire::Message& message) {
    switch (static_cast<Type>(message.header.type)) {
        case Type::create_region: return call(message, &Requests::create_region);
        case Type::find_region: return call(message, &Requests::find_region);
        case Type::destroy_region: return call(message, &Requests::destroy_region);
        case Type::list_regions: return call(message, &Requests::list_regions);
        case Type::begin: return call(message, &Requests::begin);
        case Type::seal: return call(message, &Requests::seal);
        case Type::abort: return call(message, &Requests::abort);
        case Type::open_generation: return call(message, &Requests::open_generation);
        case Type::close_generation: return call(message, &Requests::close_generation);
        case Type::list_generations: return call(message, &Requests::list_generations);
        case Type::wait_generation: return wait_generation(message);
        case Type::find_generation: return call(message, &Requests::find_generation);
        case Type::status: return call(message, &Requests::status);
        case Type::hello:
        case Type::proof:
        case Type::error: break;
    }
    // A newer client may try a request of its time and do without it.
    const Error unknown{EOPNOTSUPP,
                        fmt::format("this manager has no request of type {:#06x}", message.header.type)};
    return {error_answer(message.header.request_id, unknown), {}};
}

Requests::Answer<wire::PoolStatus> Requests::status(const wire::StatusRequest&) {
    return to_wire(pool_->name, pool().info());
}

}  // namespace pmemckpt::driver
