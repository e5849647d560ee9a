#include "utils/pmemckpt-ctl/offline_key.hh"

#include <cerrno>

#include "lib/pool/manager_key.hh"

namespace pmemckpt::ctl {

OfflineKey key_to_look_with(const media::Medium& medium, const Common& common) {
    auto key = pool::find_key_to_verify_with(medium, key_directory(common));
    if (!key)
        return {std::nullopt, key.error().message};
    return {*key, {}};
}

Result<Key> key_to_write_with(const media::Medium& medium, const Common& common) {
    auto key = pool::find_key_to_verify_with(medium, key_directory(common));
    if (key || key.error().code == EUCLEAN || key.error().code == EPROTONOSUPPORT)
        return key;
    return fail(key.error().code,
                "{} can't be repaired without its manager key, since records are written: {}", medium.path(),
                key.error().message);
}

}  // namespace pmemckpt::ctl
