#include "lib/pool/manager_key.hh"

#include <cerrno>

#include "lib/pool/superblock_choice.hh"

namespace pmemckpt::pool {

Result<FoundKey> find_manager_key(const media::Medium& medium, const std::string& directory) {
    const auto superblock = TRY(choose_superblock(medium, nullptr)).superblock;
    TRY(format::check(superblock, superblock.pool_size, medium.path()));
    const auto uuid = to_string(superblock.uuid);
    auto key = load_key(directory, pool_key_name(uuid));
    if (key && public_key(*key) == superblock.manager_key)
        return FoundKey{*key, false};
    const auto next = load_key(directory, next_pool_key_name(uuid));
    if (next && public_key(*next) == superblock.manager_key)
        return FoundKey{*next, true};
    if (!key)
        return tl::unexpected<Error>(std::move(key).error());
    return fail(EKEYREJECTED, "{} is not the manager key of pool {} at {}: bring back the one made with it",
                key_path(directory, pool_key_name(uuid)), uuid, medium.path());
}

Result<Key> find_key_to_verify_with(const media::Medium& medium, const std::string& directory) {
    auto found = find_manager_key(medium, directory);
    if (found)
        return found->key;
    if (found.error().code != EKEYREJECTED)
        return tl::unexpected<Error>(std::move(found).error());
    const auto superblock = TRY(choose_superblock(medium, nullptr)).superblock;
    return load_key(directory, pool_key_name(to_string(superblock.uuid)));
}

Status end_change_of_key(const std::string& directory, const Uuid& pool) {
    const auto uuid = to_string(pool);
    return rename_key(directory, next_pool_key_name(uuid), pool_key_name(uuid));
}

}  // namespace pmemckpt::pool
