// Requests about who may do what with a region.
#include <cerrno>
#include <mutex>

#include "driver/convert.hh"
#include "driver/enforcement.hh"
#include "driver/list_answer.hh"
#include "driver/requests.hh"
#include "lib/base/keys.hh"
#include "lib/wire/handshake.hh"

namespace pmemckpt::driver {

namespace {

Result<pool::Grant> parse(const wire::Grant& grant) {
    TRY(check_grantee(grant.grantee));
    const auto rights = Rights::of_bits(grant.rights);
    if (!rights)
        return fail(EINVAL, "{}", rights.error().message);
    if (rights->none())
        return fail(EINVAL, "no right is named: read, append, write, take-over, administer, or all");
    return pool::Grant{grant.grantee, *rights};
}

}  // namespace

// Who administers the region sees all of them, others their own.
Requests::Answer<wire::RightsList> Requests::list_rights(const wire::ListRights& request) {
    const auto region = TRY(find(request.region));
    const auto own = TRY(services_.access.rights(pool(), region, who_.principal));
    wire::RightsList list;
    list.owner = region.owner;
    if (!own.has(Right::administer)) {
        if (who_.principal > request.after)
            list.grants.push_back({who_.principal, own.bits()});
        return list;
    }
    ListAnswer room(sizeof(std::uint16_t) + list.owner.size());
    for (const auto& grant : TRY(pool().grants(region)))
        if (grant.grantee > request.after &&
            !room.add(list.grants, wire::Grant{grant.grantee, grant.rights.bits()}))
            break;
    return list;
}

Requests::Answer<wire::Grant> Requests::grant_rights(const wire::GrantRights& request) {
    const auto more = TRY(parse(request.more));
    std::unique_lock changing(services_.changing_rights);
    const auto region = TRY(allowed(request.region, Right::administer));
    const auto now = TRY(pool().grant(region, more));
    changing.unlock();
    record(AuditEvent::rights_changed, region.name,
           fmt::format("region {}: {} may {}, granted by {}", region.name, more.grantee, to_string(now),
                       who_.principal));
    return wire::Grant{more.grantee, now.bits()};
}

Requests::Answer<wire::Grant> Requests::withdraw_rights(const wire::WithdrawRights& request) {
    const auto less = TRY(parse(request.less));
    std::unique_lock changing(services_.changing_rights);
    const auto region = TRY(allowed(request.region, Right::administer));
    const auto now = TRY(pool().withdraw(region, less));
    changing.unlock();
    const auto killed = enforce();
    record(AuditEvent::rights_changed, region.name,
           fmt::format("region {}: {} may {}, withdrawn by {}; {} windows were killed", region.name,
                       less.grantee, to_string(now), who_.principal, killed));
    return wire::Grant{less.grantee, now.bits()};
}

std::size_t Requests::enforce() {
    running_ = {};
    return enforce_rights(services_);
}

/// What the former owner may do afterwards is what he was granted.
Requests::Answer<wire::Region> Requests::set_owner(const wire::SetOwner& request) {
    std::unique_lock changing(services_.changing_rights);
    const auto region = TRY(allowed(request.region, Right::administer));
    if (!services_.access.may_give_away(region, who_.principal))
        return fail(EACCES,
                    "region {} is {}'s: only its owner, or an administrator of the manager, can give it away",
                    region.name, region.owner);
    if (wire::is_key_name_of_service(request.owner) || !load_key(services_.key_dir, request.owner))
        return fail(ENOENT, "{} has no key at this manager, and could never use region {}", request.owner,
                    region.name);
    const auto now = TRY(pool().set_owner(region, request.owner));
    changing.unlock();
    const auto killed = enforce();
    record(AuditEvent::rights_changed, region.name,
           fmt::format("region {} is {}'s, given by {}; {} windows were killed", region.name, request.owner,
                       who_.principal, killed));
    return shown_with_log(now);
}

}  // namespace pmemckpt::driver
