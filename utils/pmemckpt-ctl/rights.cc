// pmemckpt-ctl grant, revoke, rights, set-owner: who may do what with a region.
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

Result<wire::Grant> parse_grant(const ChangeRights& request) {
    TRY(pool::check_region_name(request.region));
    TRY(check_grantee(request.grantee));
    Rights rights;
    for (const auto& word : request.rights)
        rights = rights.with(TRY(Rights::parse(word)));
    return wire::Grant{request.grantee, (rights.none() ? Rights::all() : rights).bits()};
}

Status tell(const Common& common, const std::string& region, const wire::Grant& now) {
    if (common.json)
        return print(grant_json(region, now));
    if (now.rights == 0)
        return print(fmt::format("{} has no right of its own to {} any more\n", now.grantee, region));
    return print(fmt::format("{} has rights to {}: {}\n", now.grantee, region, rights_name(now.rights)));
}

std::string table_of(const wire::RightsList& list) {
    Table table({{"WHO"}, {"RIGHTS"}});
    table.add({list.owner, "owner"});
    for (const auto& grant : list.grants)  // the owner's stay his when he gives it away
        table.add({grant.grantee, rights_name(grant.rights)});
    return table.text();
}

}  // namespace

Status grant(const Common& common, const ChangeRights& request) {
    const auto more = TRY(parse_grant(request));
    const auto client = TRY(client::Client::connect(common.connection));
    return tell(common, request.region, TRY(client->grant(request.region, more)));
}

Status revoke(const Common& common, const ChangeRights& request) {
    const auto less = TRY(parse_grant(request));
    const auto client = TRY(client::Client::connect(common.connection));
    return tell(common, request.region, TRY(client->withdraw(request.region, less)));
}

Status rights(const Common& common, const std::string& region) {
    TRY(pool::check_region_name(region));
    const auto client = TRY(client::Client::connect(common.connection));
    const auto list = TRY(client->rights(region));
    return print(common.json ? rights_json(region, list) : table_of(list));
}

Status set_owner(const Common& common, const SetOwner& request) {
    TRY(pool::check_region_name(request.region));
    const auto client = TRY(client::Client::connect(common.connection));
    const auto region = TRY(client->set_owner(request.region, request.owner));
    if (common.json)
        return print(region_json(region));
    return print(fmt::format("{} is {}'s\n", region.name, region.owner));
}

}  // namespace pmemckpt::ctl
