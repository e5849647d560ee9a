// A backup becomes the primary; and what it is told while it waits for that.
#include <algorithm>

#include "lib/client/calls.hh"

namespace pmemckpt::client {

namespace {

Status check_taken(const wire::TakenOver& taken, const std::string& region) {
    TRY(check_answer(taken.region));
    if (taken.region.name != region)
        return fail(EPROTO, "the manager took over {}, not {}", taken.region.name, region);
    if (taken.region.epoch <= taken.previous_epoch)
        return fail(EPROTO, "the manager took over {} and left its epoch at {}, which was {}", region,
                    taken.region.epoch, taken.previous_epoch);
    if (taken.newest.number != 0)
        return check_answer(taken.newest);
    return {};
}

Status check_events(const wire::EventList& list) {
    for (std::size_t at = 1; at < list.events.size(); ++at)
        if (list.events[at].number <= list.events[at - 1].number)
            return fail(EPROTO, "the manager sent event {} after event {}", list.events[at].number,
                        list.events[at - 1].number);
    return {};
}

}  // namespace

Result<wire::TakenOver> Client::take_over(const std::string& region, const std::string& cursor) {
    TRY(check_region(region));
    TRY(check_cursor(cursor));
    wire::TakeOver request;
    request.name = region;
    request.cursor = cursor;
    auto taken = TRY(session_->call<wire::TakenOver>(request, session_->change_limit()));
    const auto good = check_taken(taken, region);
    if (!good)
        return tl::unexpected(session_->distrust(good.error()));
    session_->end_log(region);  // also what this client itself had open
    return taken;
}

/// With `after` UINT64_MAX in one request: between two of them an event could pass unseen.
Result<wire::EventList> Client::watch(const std::string& region, std::uint64_t after,
                                      std::uint32_t timeout_ms) {
    TRY(check_region(region));
    wire::Watch request;
    request.region = region;
    request.after = after;
    request.timeout_ms = timeout_ms;
    auto answer = after == UINT64_MAX ? session_->call<wire::EventList>(
                                            request, Milliseconds(timeout_ms) + session_->look_limit())
                                      : long_poll<wire::EventList>(*session_, request, timeout_ms);
    if (!answer)
        return answer;
    const auto good = check_events(*answer);
    if (!good)
        return tl::unexpected(session_->distrust(good.error()));
    return answer;
}

}  // namespace pmemckpt::client
