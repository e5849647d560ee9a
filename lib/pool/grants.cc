// Who may do what with a region: its owner all, others what they were granted.
#include <algorithm>
#include <cerrno>
#include <mutex>

#include "lib/base/keys.hh"
#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

namespace {

Rights granted(const Region& region, const std::string& grantee) {
    const auto found = region.grants.find(grantee);
    return found == region.grants.end() ? Rights() : found->second;
}

}  // namespace

Result<Rights> PoolOnMedium::rights(const RegionRef& region, const std::vector<std::string>& grantees) const {
    const std::shared_lock lock(tables_);
    const Region& found = *TRY(region_named(region));
    Rights rights;
    for (const auto& grantee : grantees) {
        if (grantee == found.info.owner)
            return Rights::all();
        rights = rights.with(granted(found, grantee));
    }
    return rights;
}

Result<std::vector<Grant>> PoolOnMedium::grants(const RegionRef& region) const {
    const std::shared_lock lock(tables_);
    std::vector<Grant> found;
    for (const auto& [grantee, rights] : TRY(region_named(region))->grants)
        found.push_back({grantee, rights});
    return found;
}

/// Under writing_: these and no others.
Result<Rights> PoolOnMedium::put_rights(const Region& region, const Grant& grant) {
    const auto before = region.grants.find(grant.grantee);
    const bool is_new = before == region.grants.end();
    if ((is_new ? Rights() : before->second) == grant.rights)
        return grant.rights;
    if (is_new && region.grants.size() >= kMaximumGrants)
        return fail(ENOSPC, "region {} has given rights to {} principals and groups, the limit: use a group",
                    region.info.name, kMaximumGrants);
    const format::RightsPut record{region.info.id, grant.rights.bits(), grant.grantee};
    // Cut before it returns: the rights as they were, or as they will be. Cut after: as they will be.
    TRY(journal_.append(format::Kind::rights_put, format::encode(record),
                        is_new ? Effect::grows : Effect::keeps, catalog_));
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record).has_value(), "the rights of a region that is there hold");
    return grant.rights;
}

Result<Rights> PoolOnMedium::grant(const RegionRef& region, const Grant& more) {
    TRY(check_grantee(more.grantee));
    const std::lock_guard writing(writing_);
    const Region& found = *TRY(region_named(region));
    return put_rights(found, {more.grantee, granted(found, more.grantee).with(more.rights)});
}

Result<Rights> PoolOnMedium::withdraw(const RegionRef& region, const Grant& less) {
    TRY(check_grantee(less.grantee));
    const std::lock_guard writing(writing_);
    const Region& found = *TRY(region_named(region));
    return put_rights(found, {less.grantee, granted(found, less.grantee).without(less.rights)});
}

Result<RegionInfo> PoolOnMedium::set_owner(const RegionRef& region, const std::string& owner) {
    TRY(check_principal(owner));
    const std::lock_guard writing(writing_);
    auto record = put_of(*TRY(region_named(region)));
    record.owner = owner;
    // Cut before it returns: the old owner, or the new one. Cut after: the new one.
    TRY(put_region(record));
    return catalog_.find(region.name)->describe();
}

}  // namespace pmemckpt::pool
