#include "driver/access.hh"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

#include "lib/base/keys.hh"

namespace pmemckpt::driver {

namespace {

bool is_among(const std::string& principal, const std::vector<std::string>& principals) {
    return std::find(principals.begin(), principals.end(), principal) != principals.end();
}

tl::unexpected<Error> unknown(const std::string& region, const std::string& principal) {
    return fail(ENOENT, "there is no region {} that {} may use", region, principal);
}

}  // namespace

Status check_access(const AccessConfig& config) {
    for (const auto& principal : config.administrators)
        TRY(check_principal(principal));
    for (const auto& [group, members] : config.groups) {
        TRY(check_grantee(grantee_of_group(group)));
        for (const auto& principal : members)
            TRY(check_principal(principal));
    }
    return {};
}

Right right_for(rdma::Access access) {
    switch (access) {
        case rdma::Access::read: return Right::read;
        case rdma::Access::write: return Right::write;
        case rdma::Access::both: break;
    }
    return Right::append;
}

bool Access::configure(AccessConfig config) {
    const std::lock_guard lock(mutex_);
    std::swap(config_, config);
    return config_ != config;
}

bool Access::is_administrator(const std::string& principal) const {
    const std::shared_lock lock(mutex_);
    return is_among(principal, config_.administrators);
}

std::vector<std::string> Access::grantees(const std::string& principal) const {
    std::vector<std::string> all{principal};
    const std::shared_lock lock(mutex_);
    for (const auto& [group, members] : config_.groups)
        if (is_among(principal, members))
            all.push_back(grantee_of_group(group));
    return all;
}

Result<Rights> Access::rights(const pool::Pool& pool, const pool::RegionRef& region,
                              const std::string& principal) const {
    const auto granted = TRY(pool.rights(region, grantees(principal)));
    return is_administrator(principal) ? Rights::all() : granted;
}

Result<pool::RegionInfo> Access::find(const pool::Pool& pool, const std::string& region,
                                      const std::string& principal) const {
    auto found = pool.find_region(region);
    if (!found && found.error().code != ENOENT)
        return found;
    if (!found || rights(pool, *found, principal).value_or(Rights()).none())
        return unknown(region, principal);
    return found;
}

Status Access::check(const pool::Pool& pool, const pool::RegionRef& region, const std::string& principal,
                     Right right) const {
    const auto has = rights(pool, region, principal).value_or(Rights());
    if (has.has(right))
        return {};
    if (has.none())
        return unknown(region.name, principal);
    return fail(EACCES,
                "{} has no right to {} in region {}, but to {}: who administers it can give it, with "
                "pmemckpt-ctl grant {} {} {}",
                principal, to_string(right), region.name, to_string(has), region.name, principal,
                to_string(right));
}

}  // namespace pmemckpt::driver
