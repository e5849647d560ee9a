#include "utils/pmemckpt-ctl/json.hh"

#include <nlohmann/json.hpp>

#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kIndent = 2;

/// Bytes that are no UTF-8, as a file's name may have, become U+FFFD.
std::string text(const Json& json) {
    return json.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

void add_time(Json& object, const std::string& name, std::int64_t nanoseconds) {
    object[name] = iso_time(nanoseconds);
    object[name + "_ns"] = nanoseconds;
}

Json generation_object(const std::string& region, const wire::Generation& generation) {
    Json object{{"region", region},
                {"number", generation.number},
                {"length", generation.length},
                {"crc32c", crc32c_text(generation.crc32c)},
                {"durability", durability_name(generation.durability)},
                {"epoch", generation.epoch},
                {"writer", generation.writer}};
    add_time(object, "sealed", generation.sealed_ns);
    return object;
}

Json region_object(const wire::Region& region) {
    Json object{{"name", region.name},         {"owner", region.owner}, {"keep", region.keep},
                {"max_size", region.max_size}, {"epoch", region.epoch}, {"generations", region.generations},
                {"bytes", region.bytes}};
    add_time(object, "created", region.created_ns);
    return object;
}

}  // namespace

std::string created_pool_json(const pool::PoolInfo& pool, const std::string& key_path) {
    return text(Json{{"path", pool.path},
                     {"uuid", pool::to_string(pool.uuid)},
                     {"size", pool.size},
                     {"page_size", pool.page_size},
                     {"pages", pool.pages},
                     {"usable", pool.pages * pool.page_size},
                     {"durability", media::to_string(pool.durability)},
                     {"key", key_path}});
}

std::string created_key_json(const std::string& principal, const std::string& path) {
    return text(Json{{"principal", principal}, {"key", path}});
}

std::string region_json(const wire::Region& region) {
    return text(region_object(region));
}

std::string destroyed_json(const wire::Region& region) {
    return text(Json{{"name", region.name}, {"generations", region.generations}, {"bytes", region.bytes}});
}

std::string regions_json(std::span<const ListedRegion> regions) {
    auto array = Json::array();
    for (const auto& [region, newest] : regions) {
        auto object = region_object(region);
        object["newest"] = newest ? generation_object(region.name, *newest) : Json();
        array.push_back(std::move(object));
    }
    return text(array);
}

std::string generations_json(const std::string& region, std::span<const wire::Generation> generations) {
    auto array = Json::array();
    for (const auto& generation : generations)
        array.push_back(generation_object(region, generation));
    return text(array);
}

std::string saved_json(const std::string& region, const wire::Generation& generation) {
    return text(generation_object(region, generation));
}

std::string restored_json(const std::string& region, const wire::Generation& generation,
                          const std::string& file) {
    auto object = generation_object(region, generation);
    object["file"] = file;
    return text(object);
}

}  // namespace pmemckpt::ctl
