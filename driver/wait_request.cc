// wait_generation: answered now, or by whoever seals the generation.
#include <cerrno>
#include <chrono>

#include "driver/convert.hh"
#include "driver/requests.hh"

namespace pmemckpt::driver {

namespace {

constexpr std::uint32_t kWaitOn = UINT32_MAX;  // no deadline

std::optional<Deadlines::Clock::time_point> deadline_of(std::uint32_t timeout_ms) {
    if (timeout_ms == kWaitOn)
        return {};
    return Deadlines::Clock::now() + std::chrono::milliseconds(timeout_ms);
}

WaitAnswer answer_through(std::shared_ptr<Channel> channel, std::uint64_t request_id) {
    return [channel = std::move(channel), request_id](const Result<pool::GenerationInfo>& result) {
        channel->send(result ? wire::encode_answer(wire::Type::wait_generation, request_id, to_wire(*result))
                             : error_answer(request_id, result.error()));
    };
}

}  // namespace

Requests::Reply Requests::wait_generation(const wire::Message& message) {
    const auto id = message.header.request_id;
    auto request = wire::decode_body<wire::WaitGeneration>(message.body);
    if (!request)
        return {error_answer(id, request.error()), std::move(request).error()};
    const auto registered = register_waiter(*request, id);
    if (!registered)
        return {error_answer(id, registered.error()), {}};
    return {};
}

Status Requests::register_waiter(const wire::WaitGeneration& request, std::uint64_t request_id) {
    const auto region = TRY(pool().find_region(request.region));
    const auto answer = answer_through(channel_, request_id);
    if (region.newest > request.after)
        if (const auto newest = pool().open_generation(request.region, 0)) {
            answer((*newest)->info());  // at once, whatever the deadline
            return {};
        }
    const auto limit = services_.limits.waiters_per_session;
    if (services_.waiters.count(who_.session_id) >= limit)
        return fail(EMFILE, "this session waits for {} generations already, the limit", limit);
    const auto waiter = services_.waiters.add(
        {who_.session_id, &pool(), region.id, request.after, answer},
        deadline_of(request.timeout_ms));
    // Looked for only now: what was sealed or destroyed before the waiter stood there told nobody.
    const auto now = pool().find_region(request.region);
    if (!now || now->id != region.id)
        services_.waiters.complete(waiter, fail(ENOENT, "region {} was destroyed", request.region));
    else if (now->newest > request.after)
        if (const auto newest = pool().open_generation(request.region, 0))
            services_.waiters.complete(waiter, (*newest)->info());
    return {};
}

}  // namespace pmemckpt::driver
