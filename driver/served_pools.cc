#include "driver/served_pools.hh"

#include <algorithm>
#include <cerrno>

#include "lib/wire/handshake.hh"

namespace pmemckpt::driver {

Result<std::shared_ptr<ServedPool>> open_pool(const PoolConfig& config, const std::string& key_dir) {
    auto served = std::make_shared<ServedPool>();
    served->name = config.name;
    served->path = config.path;
    served->pool = TRY(pool::Pool::open(config.path));
    const auto uuid = pool::to_string(served->pool->uuid());
    auto key = load_key(key_dir, wire::pool_key_name(uuid));
    if (!key)
        return fail(key.error().code, "pool {} ({}) needs its manager key: {}", config.name, config.path,
                    key.error().message);
    if (wire::public_key(*key) != served->pool->manager_key())
        return fail(EKEYREJECTED,
                    "{}/{}.key is not the manager key of pool {} ({}): bring back the one made with it",
                    key_dir, wire::pool_key_name(uuid), config.name, config.path);
    served->manager_key = *key;
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
