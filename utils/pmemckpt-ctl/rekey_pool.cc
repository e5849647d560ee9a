// pmemckpt-ctl rekey-pool: another manager key, under which all of the pool's metadata is written anew.
#include "lib/pool/rekey.hh"

#include "lib/base/keys.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/offline.hh"
#include "utils/pmemckpt-ctl/offline_json.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

std::string text_of(const std::string& path, const pool::Rekeyed& rekeyed, const std::string& key) {
    return fmt::format(
        "pool {} {}\n"
        "  uuid         {}\n"
        "  manager key  {}\n"
        "The key before opens it no more. A host that has a copy of it needs the new one, or none.\n",
        path,
        rekeyed.was_cut ? "has the new manager key of the change that was cut" : "has a new manager key",
        pool::to_string(rekeyed.pool), key);
}

}  // namespace

Status rekey_pool(const Common& common, const RekeyPool& request) {
    const auto directory = key_directory(common);
    const auto medium = TRY(media::open_medium(request.path, media::Use::exclusive));
    const auto rekeyed = TRY(pool::rekey(*medium, directory));
    const auto key = key_path(directory, pool_key_name(pool::to_string(rekeyed.pool)));
    return print(common.json ? rekeyed_json(request.path, rekeyed, key)
                             : text_of(request.path, rekeyed, key));
}

}  // namespace pmemckpt::ctl
