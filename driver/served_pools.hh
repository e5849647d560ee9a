#pragma once
// The pools of a manager, open and with their keys proved.
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "driver/config.hh"
#include "lib/base/keys.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::driver {

struct ServedPool {
    std::string name;
    std::string path;
    Key manager_key;  ///< its public part is in the pool's superblock
    std::unique_ptr<pool::Pool> pool;
};

/// Opens the pool with its manager key, from key_dir, and comes to the end of a change of keys that was cut.
/// EKEYREJECTED when the key is another pool's, ENOENT without one, EPERM when others may read it; what
/// opening a pool can give. Without the key nothing on the medium is changed.
Result<std::shared_ptr<ServedPool>> open_pool(const PoolConfig& config, const std::string& key_dir);

/// Threads: all calls may come from any thread. A pool once added stays until the end.
class ServedPools {
public:
    /// All of them or none: EEXIST when a name or UUID is here already, or comes twice.
    Status add(std::vector<std::shared_ptr<ServedPool>> pools);
    /// By name, else by UUID; empty: the first. ENOENT.
    Result<std::shared_ptr<ServedPool>> find(std::string_view name_or_uuid) const;
    std::vector<std::shared_ptr<ServedPool>> all() const;

private:
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<ServedPool>> pools_;
};

}  // namespace pmemckpt::driver
