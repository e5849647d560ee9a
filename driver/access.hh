#pragma once
// Who may do what: what the pool says of a region, with the groups and the administrators of the
// configuration.
#include <map>
#include <shared_mutex>
#include <string>
#include <vector>

#include "lib/pool/pool.hh"
#include "lib/rdma/engine.hh"

namespace pmemckpt::driver {

struct AccessConfig {
    std::vector<std::string> administrators;                 ///< principals who may do all, everywhere
    std::map<std::string, std::vector<std::string>> groups;  ///< name: principals
    bool operator==(const AccessConfig&) const = default;
};

/// Names that can be principals'. EINVAL.
Status check_access(const AccessConfig& config);

/// What a window of this kind takes: a log's shows what it may change.
Right right_for(rdma::Access access);

/// Threads: all calls may come from any thread; none blocks.
class Access {
public:
    explicit Access(AccessConfig config) : config_(std::move(config)) {}
    /// Whether it is another one than before.
    bool configure(AccessConfig config);

    /// ENOENT when the region is gone.
    Result<Rights> rights(const pool::Pool& pool, const pool::RegionRef& region,
                          const std::string& principal) const;
    /// ENOENT where there is none, and where there is one that the principal may do nothing with: the same
    /// sentence.
    Result<pool::RegionInfo> find(const pool::Pool& pool, const std::string& region,
                                  const std::string& principal) const;
    /// Of one that was found before. EACCES when it may do other things; ENOENT when it is gone.
    Status check(const pool::Pool& pool, const pool::RegionRef& region, const std::string& principal,
                 Right right) const;

    /// Its owner, and administrators of the manager.
    bool may_give_away(const pool::RegionInfo& region, const std::string& principal) const {
        return region.owner == principal || is_administrator(principal);
    }

private:
    bool is_administrator(const std::string& principal) const;
    std::vector<std::string> grantees(const std::string& principal) const;

    mutable std::shared_mutex mutex_;
    AccessConfig config_;
};

}  // namespace pmemckpt::driver
