// pmemckpt-ctl create-pool.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "lib/base/keys.hh"
#include "lib/base/log.hh"
#include "lib/base/units.hh"
#include "lib/pool/pool.hh"
#include "lib/pool/recovery.hh"
#include "lib/wire/handshake.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

/// Without its key, which may be lost. EBUSY while a manager has the pool.
Result<pool::Recovered> look_at(const std::string& path) {
    const auto medium = TRY(media::open_medium(path, media::Use::exclusive));
    return pool::recover(*medium, nullptr);
}

std::string contents_of(const pool::Recovered& pool) {
    return fmt::format("{} with {}", plural(pool.catalog.region_count(), "region"),
                       plural(pool.catalog.generation_count(), "generation"));
}

/// What --force destroys: said before it is done.
Status say_what_is_replaced(const pool::Recovered& old, const std::string& path) {
    log::warning("replacing pool {} at {}: {} are lost", pool::to_string(old.position.superblock.uuid), path,
                 contents_of(old));
    return {};
}

/// EBUSY while a manager has the pool.
Status say_what_is_replaced(const std::string& path) {
    const auto old = look_at(path);
    if (old)
        return say_what_is_replaced(*old, path);
    if (old.error().code == EBUSY || old.error().code == EACCES)
        return tl::unexpected(old.error());
    log::warning("replacing {}, which can't be opened as a pool: {}", path, old.error().message);
    return {};
}

/// On a device everything is replaced in place: what is there is looked at first.
Status check_device(const CreatePool& request) {
    const auto old = look_at(request.path);
    if (old && !request.force)
        return fail(EEXIST, "{} holds pool {}: {}; --force makes a new pool in its place, and they are lost",
                    request.path, pool::to_string(old->position.superblock.uuid), contents_of(*old));
    if (old)
        return say_what_is_replaced(*old, request.path);
    const auto& error = old.error();
    if (error.code != EUCLEAN && error.code != EPROTONOSUPPORT)
        return tl::unexpected(error);
    const auto medium = TRY(media::open_medium(request.path, media::Use::read_only));
    if (!TRY(media::is_in_use(*medium)))
        return {};
    if (!request.force)
        return fail(
            EEXIST,
            "{} is not empty, and what is there can't be opened as a pool: {}; --force makes a new pool "
            "in its place",
            request.path, error.message);
    log::warning("replacing what is on {}, which can't be opened as a pool: {}", request.path, error.message);
    return {};
}

Status check_no_directory(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        return fail(EINVAL, "{} is a directory; a pool lies on a devdax device, or in a file such as {}",
                    path, (std::filesystem::path(path) / "pool").string());
    return {};
}

Status check_place(const CreatePool& request) {
    if (media::is_device(request.path))
        return check_device(request);
    std::error_code ignored;
    if (!std::filesystem::exists(std::filesystem::symlink_status(request.path, ignored)))
        return {};
    if (!request.force)
        return fail(EEXIST, "{} is there already; --force makes a new pool in its place", request.path);
    return say_what_is_replaced(request.path);
}

Result<pool::CreateOptions> create_options(const CreatePool& request) {
    pool::CreateOptions options;
    options.path = request.path;
    if (request.size.empty() && !media::is_device(request.path))
        return fail(EINVAL, "how large is the file {} to be? Say --size; only a device has its own",
                    request.path);
    options.size = TRY(size_or_zero(request.size));
    if (!request.page_size.empty())
        options.page_size = TRY(parse_size(request.page_size));
    options.replace = request.force;
    options.uuid = random_uuid();
    return options;
}

Status report(const Common& common, const std::string& path, const Key& key, const std::string& key_path) {
    const auto made = TRY(pool::Pool::open(path, key));
    const auto info = made->info();
    if (common.json)
        return print(created_pool_json(info, key_path));
    return print(
        fmt::format("pool {} created\n"
                    "  uuid         {}\n"
                    "  pages        {} of {}\n"
                    "  usable       {}\n"
                    "  durability   {}\n"
                    "  manager key  {}\n",
                    path, pool::to_string(info.uuid), info.pages, format_size(info.page_size),
                    format_size(info.pages * info.page_size), media::to_string(info.durability), key_path));
}

}  // namespace

Status create_pool(const Common& common, const CreatePool& request) {
    TRY(check_no_directory(request.path));
    const auto key = Key::random();
    const auto options = TRY(create_options(request));
    TRY(check_place(request));
    // The key first: a pool that can be seen can be served.
    const auto key_path =
        TRY(store_key(key_directory(common), pool_key_name(pool::to_string(*options.uuid)), key));
    if (auto made = pool::Pool::create(options, key); !made) {
        ::unlink(key_path.c_str());
        return tl::unexpected(made.error());
    }
    return report(common, request.path, key, key_path);
}

}  // namespace pmemckpt::ctl
