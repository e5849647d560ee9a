#include "lib/client/fenced.hh"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <thread>

#include "lib/client/limits.hh"

namespace pmemckpt::client {

namespace {

constexpr Milliseconds kDoubtLimit{1'000};  // for a connection that was lost and not terminated
constexpr Milliseconds kLookAgain{20};

bool may_be_fenced(const Error& failure) {
    constexpr int kCodes[] = {EACCES, ECONNRESET, ECONNABORTED, EPIPE, ESHUTDOWN, ENOTCONN};
    return std::find(std::begin(kCodes), std::end(kCodes), failure.code) != std::end(kCodes);
}

std::string utc_text(std::int64_t time_ns) {
    const auto seconds = static_cast<std::time_t>(time_ns / 1'000'000'000);
    std::tm parts{};
    char text[32] = "";
    if (!::gmtime_r(&seconds, &parts) || std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return "an unknown time";
    return text;
}

/// " by bob at 2026-11-21T10:00:00Z", if the manager still knows.
std::string by_whom(Client& client, const Tenure& tenure) {
    const auto list = client.watch(tenure.region, 0, 0);
    if (!list)
        return {};
    std::string text;
    for (const auto& event : list->events)
        if (event.kind == wire::EventKind::taken_over && event.epoch > tenure.epoch)
            text = fmt::format(" by {} at {}", event.principal, utc_text(event.time_ns));
    return text;
}

/// What has become of the region: an error of its own, or nothing that would say why.
std::optional<Error> what_happened(Client& client, const Tenure& tenure, const LookAt& look) {
    const auto region = client.find_region(tenure.region);
    if (!region && region.error().code == ENOENT)
        return region.error();
    if (!region)
        return std::nullopt;
    if (region->epoch > tenure.epoch)
        return Error{
            ESTALE,
            fmt::format("fenced: region {} was taken over{} (epoch {}, {} was this session's); open it "
                        "anew",
                        tenure.region, by_whom(client, tenure), region->epoch, tenure.epoch)};
    if (!Rights::of_bits(region->rights).value_or(Rights()).has(tenure.right))
        return Error{EACCES, fmt::format("the right to {} in region {} was withdrawn: who administers it can "
                                         "give it again",
                                         to_string(tenure.right), tenure.region)};
    return look ? look(*region) : std::nullopt;
}

}  // namespace

/// Windows die before what they die of is durable: so it is looked for again for a while.
Error why_lost(const Options& options, const Tenure& tenure, const Error& failure, const LookAt& look) {
    using Clock = std::chrono::steady_clock;
    if (!may_be_fenced(failure))
        return failure;
    const auto client = Client::connect(options);
    if (!client)
        return failure;
    const auto end = Clock::now() + (failure.code == EACCES ? kReasonLimit : kDoubtLimit);
    do {
        if (auto error = what_happened(**client, tenure, look))
            return *error;
        std::this_thread::sleep_for(kLookAgain);
    } while (Clock::now() < end && (*client)->state());
    return failure;
}

}  // namespace pmemckpt::client
