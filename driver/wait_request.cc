// Requests that are answered later: wait_generation, wait_log and watch.
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

/// Sends what `Value` is on the wire, or why there is none. `may` is asked then: much can have happened since
/// the request.
template <class Value>
auto answer_through(std::shared_ptr<Channel> channel, wire::Type to, std::uint64_t request_id,
                    std::function<Status()> may) {
    return [channel = std::move(channel), to, request_id, may = std::move(may)](const Result<Value>& result) {
        const auto holds = result ? may() : Status();
        channel->send(result && holds ? wire::encode_answer(to, request_id, *result)
                                      : error_answer(request_id, result ? holds.error() : result.error()));
    };
}

}  // namespace

Status Requests::check_waiters() const {
    const auto id = who_.session_id;
    const auto limit = services_.limits.waiters_per_session;
    if (services_.waiters.count(id) + services_.log_waiters.count(id) + services_.events.count(id) >= limit)
        return fail(EMFILE, "this session waits for {} generations, records and events already, the limit",
                    limit);
    return {};
}

std::function<Status()> Requests::still_allowed(const pool::RegionInfo& region, Right right) const {
    return [&services = services_, served = pool_, ref = pool::RegionRef(region), right,
            refusal = record_of(region.name, {})]() -> Status {
        // Of one that is gone there is nothing to keep from who had the right: that it is gone is the news.
        if (!served->pool->find_region(ref))
            return {};
        auto holds = services.access.check(*served->pool, ref, refusal.principal, right);
        if (!holds) {
            auto told = refusal;
            told.sentence += fmt::format("what was waited for is refused: {}", holds.error().message);
            services.audit.record(AuditEvent::request_refused, told);
        }
        return holds;
    };
}

Status Requests::wait_generation(const wire::WaitGeneration& request, std::uint64_t request_id) {
    const auto region = TRY(allowed(request.region, Right::read));
    TRY(check_waiters());
    const auto send = answer_through<wire::Generation>(channel_, wire::Type::wait_generation, request_id,
                                                       still_allowed(region, Right::read));
    if (region.newest > request.after)
        if (const auto newest = pool().open_generation(region, 0)) {
            send(to_wire((*newest)->info()));  // at once, whatever the deadline
            return {};
        }
    const auto waiter = services_.waiters.add(
        {who_.session_id, &pool(), region.id, request.after,
         [send](const Result<pool::GenerationInfo>& result) {
             send(result.map([](const pool::GenerationInfo& generation) { return to_wire(generation); }));
         }},
        deadline_of(request.timeout_ms));
    // Looked for only now: what was sealed or destroyed before the waiter stood there told nobody.
    const auto now = pool().find_region(request.region);
    if (!now || now->id != region.id)
        services_.waiters.complete(waiter, fail(ENOENT, "region {} was destroyed", request.region));
    else if (now->newest > request.after)
        if (const auto newest = pool().open_generation(region, 0))
            services_.waiters.complete(waiter, (*newest)->info());
    return {};
}

Status Requests::wait_log(const wire::WaitLog& request, std::uint64_t request_id) {
    const auto region = TRY(allowed(request.region, Right::read));
    TRY(check_waiters());
    services_.log_waiters.add({who_.session_id, &pool(), region.id,
                               LogWant{&pool(), pool::RegionRef(region), request.generation, request.log_id,
                                       request.after_sequence},
                               answer_through<wire::LogState>(channel_, wire::Type::wait_log, request_id,
                                                              still_allowed(region, Right::read))},
                              deadline_of(request.timeout_ms));
    return {};
}

Status Requests::watch(const wire::Watch& request, std::uint64_t request_id) {
    const auto region = TRY(allowed(request.region, Right::read));
    TRY(check_waiters());
    services_.events.watch({who_.session_id, &pool(), region.id, request.after,
                            answer_through<wire::EventList>(channel_, wire::Type::watch, request_id,
                                                            still_allowed(region, Right::read))},
                           deadline_of(request.timeout_ms));
    // Who came after the last event would wait for ever.
    const auto now = pool().find_region(request.region);
    if (!now || now->id != region.id)
        services_.events.complete_region(pool(), region.id,
                                         {ENOENT, fmt::format("region {} was destroyed", request.region)});
    return {};
}

}  // namespace pmemckpt::driver
