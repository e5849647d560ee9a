#include "driver/served_pools.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.hh"
#include "lib/pool/manager_key.hh"

namespace pmemckpt::driver {

namespace {

Result<pool::FoundKey> manager_key(const PoolConfig& config, const media::Medium& medium,
                                   const std::string& key_dir) {
    auto found = pool::find_manager_key(medium, key_dir);
    if (found || found.error().code == EUCLEAN || found.error().code == EPROTONOSUPPORT)
        return found;
    return fail(found.error().code, "pool {} ({}) needs its manager key: {}", config.name, config.path,
                found.error().message);
}

/// The pool is served in any case: the key is found under either name.
void end_change_of_key(const ServedPool& served, const std::string& key_dir) {
    const auto ended = pool::end_change_of_key(key_dir, served.pool->uuid());
    if (ended)
        log::notice("pool {} ({}) has its new manager key: the change that rekey-pool began is done",
                    served.name, served.path);
    else
        log::warning(
            "pool {} ({}) has its new manager key, and the former one lies in its place: {}; clients "
            "that look there refuse this manager until pmemckpt-ctl rekey-pool comes to the end of it",
            served.name, served.path, ended.error().message);
}

}  // namespace

Result<std::shared_ptr<ServedPool>> open_pool(const PoolConfig& config, const std::string& key_dir) {
    auto served = std::make_shared<ServedPool>();
    served->name = config.name;
    served->path = config.path;
    auto medium = TRY(media::open_medium(config.path, media::Use::exclusive));
    const auto found = TRY(manager_key(config, *medium, key_dir));
    served->manager_key = found.key;
    served->pool = TRY(pool::Pool::open(std::move(medium), found.key));
    if (found.is_next)
        end_change_of_key(*served, key_dir);
    return served;
}

namespace {

Status check_apart(const ServedPool& known, const ServedPool& pool) {
    if (known.name == pool.name)
        return fail(EEXIST, "two pools have the name {}: {} and {}", pool.name, known.path, pool.path);
    if (known.pool->uuid() == pool.pool->uuid())
        return fail(EEXIST, "pools {} and {} have the same UUID {}: one is a copy of the other", known.path,
                    pool.path, pool::to_string(pool.pool->uuid()));
    return {};
}

}  // namespace

Status ServedPools::add(std::vector<std::shared_ptr<ServedPool>> pools) {
    const std::lock_guard lock(mutex_);
    auto all = pools_;
    for (auto& pool : pools) {
        for (const auto& known : all)
            TRY(check_apart(*known, *pool));
        all.push_back(std::move(pool));
    }
    pools_ = std::move(all);
    return {};
}

Result<std::shared_ptr<ServedPool>> ServedPools::find(std::string_view name_or_uuid) const {
    const std::lock_guard lock(mutex_);
    if (name_or_uuid.empty() && !pools_.empty())
        return pools_.front();
    for (const auto& pool : pools_)
        if (pool->name == name_or_uuid)
            return pool;
    const auto uuid = pool::parse_uuid(name_or_uuid);
    for (const auto& pool : pools_)
        if (uuid && pool->pool->uuid() == *uuid)
            return pool;
    return fail(ENOENT, "this manager has no pool \"{}\"", name_or_uuid);
}

std::vector<std::shared_ptr<ServedPool>> ServedPools::all() const {
    const std::lock_guard lock(mutex_);
    return pools_;
}

}  // namespace pmemckpt::driver
