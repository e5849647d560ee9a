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
    services_.events.drop_session(who_.session_id);
    services_.log_waiters.drop_session(who_.session_id);
    services_.tables.drop_session(who_.session_id);
}

template <class Request, class T>
Requests::Reply Requests::call(const wire::Message& message, Answer<T> (Requests::*method)(const Request&)) {
    const auto id = message.header.request_id;
    auto request = wire::decode_body<Request>(message.body);
    if (!request)
        return {error_answer(id, request.error()), std::move(request).error()};
    const auto answer = (this->*method)(*request);
    if (!answer) {
        tell_of_refusal(answer.error());
        return {error_answer(id, answer.error()), {}};
    }
    return {wire::encode_answer(Request::kType, id, *answer), {}};
}

template <class Request>
Requests::Reply Requests::call_waiting(const wire::Message& message,
                                       Status (Requests::*method)(const Request&, std::uint64_t request_id)) {
    const auto id = message.header.request_id;
    auto request = wire::decode_body<Request>(message.body);
    if (!request)
        return {error_answer(id, request.error()), std::move(request).error()};
    if (const auto registered = (this->*method)(*request, id); !registered) {
        tell_of_refusal(registered.error());
        return {error_answer(id, registered.error()), {}};
    }
    return {};
}

Requests::Reply Requests::run(const wire::Message& message) {
    running_ = services_.running.begin();
    auto reply = answer(message);
    running_ = {};
    return reply;
}

Requests::Reply Requests::answer(const wire::Message& message) {
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
        case Type::set_retention: return call(message, &Requests::set_retention);
        case Type::clear: return call(message, &Requests::clear);
        case Type::take_over: return call(message, &Requests::take_over);
        case Type::grant_rights: return call(message, &Requests::grant_rights);
        case Type::withdraw_rights: return call(message, &Requests::withdraw_rights);
        case Type::list_rights: return call(message, &Requests::list_rights);
        case Type::set_owner: return call(message, &Requests::set_owner);
        case Type::watch: return call_waiting(message, &Requests::watch);
        case Type::begin_clone: return call(message, &Requests::begin_clone);
        case Type::dirty: return call(message, &Requests::dirty);
        case Type::pin: return call(message, &Requests::pin);
        case Type::open_log: return call(message, &Requests::open_log);
        case Type::grow_log: return call(message, &Requests::grow_log);
        case Type::flush_log: return call(message, &Requests::flush_log);
        case Type::close_log: return call(message, &Requests::close_log);
        case Type::read_log: return call(message, &Requests::read_log);
        case Type::wait_log: return call_waiting(message, &Requests::wait_log);
        case Type::log_hint: return call(message, &Requests::log_hint);
        case Type::find_log: return call(message, &Requests::find_log);
        case Type::find_in_log: return call(message, &Requests::find_in_log);
        case Type::cursor_get: return call(message, &Requests::cursor_get);
        case Type::cursor_advance: return call(message, &Requests::cursor_advance);
        case Type::cursor_drop: return call(message, &Requests::cursor_drop);
        case Type::cursor_list: return call(message, &Requests::cursor_list);
        case Type::goodbye: return call(message, &Requests::goodbye);
        case Type::wait_generation: return call_waiting(message, &Requests::wait_generation);
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

void Requests::tell_of_refusal(const Error& why) {
    if (why.code == EACCES)
        record(AuditEvent::request_refused, {}, fmt::format("a request is refused: {}", why.message));
}

void Requests::record(AuditEvent event, const std::string& region, const std::string& sentence) {
    services_.audit.record(event, record_of(region, sentence));
}

AuditRecord Requests::record_of(const std::string& region, const std::string& sentence) const {
    return {who_.principal, channel_->peer().address, pool_->name, region,
            fmt::format("session {}: {}", who_.session_id, sentence)};
}

Requests::Answer<wire::PoolStatus> Requests::status(const wire::StatusRequest&) {
    return to_wire(pool_->name, pool().info());
}

Requests::Answer<wire::Empty> Requests::goodbye(const wire::Goodbye&) {
    said_goodbye_ = true;
    return wire::Empty{};
}

void Requests::publish(std::uint64_t region_id, wire::EventKind kind, std::uint64_t generation,
                       std::uint64_t epoch, std::string principal, std::string detail) {
    services_.events.publish(pool(), region_id,
                             {0, 0, kind, generation, epoch, std::move(principal), std::move(detail)});
}

void Requests::revoke(const std::vector<rdma::Key>& windows) {
    for (const auto key : windows)
        services_.tables.revoke(who_.session_id, key);
}

WindowSubject Requests::subject(const pool::RegionInfo& region) const {
    WindowSubject subject;
    subject.session_id = who_.session_id;
    subject.principal = who_.principal;
    subject.pool = pool_->name;
    subject.region = region.name;
    subject.region_id = region.id;
    return subject;
}

Result<rdma::Grant> Requests::grant(WindowSubject subject, PageRange range, rdma::Access access) {
    return services_.tables.grant(channel_, std::move(subject),
                                  translate(pool().medium(), pool().page_size(), std::move(range), access),
                                  access);
}

}  // namespace pmemckpt::driver
