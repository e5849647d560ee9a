// Who may do what with a region.
#include "lib/client/calls.hh"

namespace pmemckpt::client {

namespace {

Status check_names(const std::string& region, const std::string& grantee) {
    TRY(check_region(region));
    if (grantee.size() > kMaximumName)
        return fail(ENAMETOOLONG, "the name of a principal or a group of {} bytes is too long: at most {}",
                    grantee.size(), kMaximumName);
    return {};
}

}  // namespace

Result<wire::Grant> Client::grant(const std::string& region, const wire::Grant& more) {
    TRY(check_names(region, more.grantee));
    wire::GrantRights request;
    request.region = region;
    request.more = more;
    return checked(*session_, session_->call<wire::Grant>(request, session_->change_limit()));
}

Result<wire::Grant> Client::withdraw(const std::string& region, const wire::Grant& less) {
    TRY(check_names(region, less.grantee));
    wire::WithdrawRights request;
    request.region = region;
    request.less = less;
    return checked(*session_, session_->call<wire::Grant>(request, session_->change_limit()));
}

Result<wire::RightsList> Client::rights(const std::string& region) {
    TRY(check_region(region));
    wire::RightsList all;
    for (;;) {
        wire::ListRights request;
        request.region = region;
        request.after = all.grants.empty() ? "" : all.grants.back().grantee;
        auto part = TRY(session_->call<wire::RightsList>(request, session_->look_limit()));
        all.owner = part.owner;
        if (part.grants.empty())
            return all;
        TRY(append_part(*session_, all.grants, std::move(part.grants),
                        [](const wire::Grant& grant) { return grant.grantee; }));
    }
}

Result<wire::Region> Client::set_owner(const std::string& region, const std::string& owner) {
    TRY(check_names(region, owner));
    wire::SetOwner request;
    request.region = region;
    request.owner = owner;
    return checked(*session_, session_->call<wire::Region>(request, session_->change_limit()));
}

}  // namespace pmemckpt::client
