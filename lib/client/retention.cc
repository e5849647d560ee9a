// What becomes of a region's generations: how many are kept, how long, which always, and none of them.
#include "lib/client/calls.hh"

namespace pmemckpt::client {

Result<wire::Region> Client::set_retention(const std::string& region, std::uint32_t keep,
                                           std::int64_t keep_age_ns) {
    TRY(check_region(region));
    if (keep_age_ns < 0)
        return fail(EINVAL, "generations can't be kept for {} ns: 0 or more", keep_age_ns);
    wire::SetRetention request;
    request.name = region;
    request.keep = keep;
    request.keep_age_ns = keep_age_ns;
    return checked(*session_, session_->call<wire::Region>(request, session_->change_limit()));
}

Status Client::pin(const std::string& region, std::uint64_t number, bool pinned) {
    TRY(check_region(region));
    wire::Pin request;
    request.region = region;
    request.number = number;
    request.pinned = pinned ? 1 : 0;
    TRY(session_->call<wire::Empty>(request, session_->change_limit()));
    return {};
}

Status Client::clear(const std::string& region) {
    TRY(check_region(region));
    session_->end_log(region);
    wire::Clear request;
    request.name = region;
    TRY(session_->call<wire::Empty>(request, session_->change_limit()));
    return {};
}

}  // namespace pmemckpt::client
