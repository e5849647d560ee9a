#include "utils/pmemckpt-ctl/json.hh"

#include <sodium.h>

#include "utils/pmemckpt-ctl/json_text.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

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
                {"writer", generation.writer},
                {"pinned", generation.pinned != 0}};
    add_time(object, "sealed", generation.sealed_ns);
    return object;
}

Json rights_array(std::uint8_t bits) {
    auto array = Json::array();
    for (const auto right : kRights)
        if (bits & static_cast<std::uint8_t>(right))
            array.push_back(to_string(right));
    return array;
}

Json grant_object(const wire::Grant& grant) {
    return {{"who", grant.grantee}, {"rights", rights_array(grant.rights)}};
}

Json region_object(const wire::Region& region) {
    Json object{{"name", region.name},
                {"owner", region.owner},
                {"keep", region.keep},
                {"keep_age_ns", region.keep_age_ns},
                {"max_size", region.max_size},
                {"epoch", region.epoch},
                {"generations", region.generations},
                {"bytes", region.bytes},
                {"rights", rights_array(region.rights)},
                {"log", nullptr}};
    if (region.log_id != 0)
        object["log"] = Json{{"records", region.log_records}, {"bytes", region.log_bytes}};
    add_time(object, "created", region.created_ns);
    return object;
}

Json cursor_object(const std::string& region, const wire::Cursor& cursor) {
    return {{"region", region},
            {"name", cursor.name},
            {"generation", cursor.generation},
            {"sequence", cursor.sequence}};
}

Json skipped_array(std::span<const client::Skipped> skipped) {
    auto array = Json::array();
    for (const auto& [number, why] : skipped)
        array.push_back(Json{{"number", number}, {"why", why}});
    return array;
}

std::string line(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string kind_name(wire::EventKind kind) {
    switch (kind) {
        case wire::EventKind::sealed: return "sealed";
        case wire::EventKind::log_opened: return "log_opened";
        case wire::EventKind::primary_connected: return "primary_connected";
        case wire::EventKind::primary_lost: return "primary_lost";
        case wire::EventKind::primary_left: return "primary_left";
        case wire::EventKind::taken_over: return "taken_over";
        case wire::EventKind::cleared: return "cleared";
        case wire::EventKind::destroyed: return "destroyed";
        case wire::EventKind::dropped: return "dropped";
    }
    return "unknown";  // a newer manager's
}

std::string base64(std::span<const std::byte> bytes) {
    std::string encoded(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(encoded.data(), encoded.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                      bytes.size(), sodium_base64_VARIANT_ORIGINAL);
    encoded.pop_back();  // its terminating zero
    return encoded;
}

Json read_object(const std::string& region, const std::string& directory, const ReadBack& read) {
    return {{"region", region},
            {"directory", directory},
            {"generations", read.generations},
            {"damaged", skipped_array(read.damaged)},
            {"records", read.records},
            {"generation", read.reached.generation},
            {"sequence", read.reached.sequence}};
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

std::string rotated_key_json(const std::string& principal, const std::string& path, std::int64_t overlap_s) {
    return text(Json{{"principal", principal}, {"key", path}, {"overlap_s", overlap_s}});
}

std::string revoked_key_json(const std::string& principal, const EndedSessions& ended) {
    return text(Json{{"principal", principal}, {"sessions", ended.sessions}, {"windows", ended.windows}});
}

std::string region_json(const wire::Region& region) {
    return text(region_object(region));
}

std::string dropped_json(const wire::Region& region) {
    return text(Json{{"name", region.name},
                     {"generations", region.generations},
                     {"bytes", region.bytes},
                     {"records", region.log_records}});
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

std::string grant_json(const std::string& region, const wire::Grant& grant) {
    auto object = grant_object(grant);
    object["region"] = region;
    return text(object);
}

std::string rights_json(const std::string& region, const wire::RightsList& list) {
    Json object{{"region", region}, {"owner", list.owner}, {"grants", Json::array()}};
    for (const auto& grant : list.grants)
        object["grants"].push_back(grant_object(grant));
    return text(object);
}

std::string generations_json(const std::string& region, std::span<const wire::Generation> generations) {
    auto array = Json::array();
    for (const auto& generation : generations)
        array.push_back(generation_object(region, generation));
    return text(array);
}

std::string generation_json(const std::string& region, const wire::Generation& generation) {
    return text(generation_object(region, generation));
}

std::string restored_json(const std::string& region, const wire::Generation& generation,
                          const std::string& file, std::span<const client::Skipped> skipped) {
    auto object = generation_object(region, generation);
    object["file"] = file;
    object["skipped"] = skipped_array(skipped);
    return text(object);
}

std::string taken_over_json(const wire::TakenOver& taken) {
    auto object = region_object(taken.region);
    object["previous_epoch"] = taken.previous_epoch;
    object["newest"] = taken.newest.number > 0 ? generation_object(taken.region.name, taken.newest) : Json();
    object["cursor"] = taken.cursor.name.empty() ? Json() : cursor_object(taken.region.name, taken.cursor);
    return text(object);
}

std::string cursor_json(const std::string& region, const wire::Cursor& cursor) {
    return text(cursor_object(region, cursor));
}

std::string cursors_json(const std::string& region, std::span<const wire::Cursor> cursors) {
    auto array = Json::array();
    for (const auto& cursor : cursors)
        array.push_back(cursor_object(region, cursor));
    return text(array);
}

std::string appended_json(const std::string& region, const Appended& appended) {
    return text(Json{{"region", region},
                     {"generation", appended.generation},
                     {"records", appended.records},
                     {"bytes", appended.bytes},
                     {"last_sequence", appended.last},
                     {"durability", durability_name(appended.durability)}});
}

std::string read_json(const std::string& region, const std::string& directory, const ReadBack& read) {
    return text(read_object(region, directory, read));
}

std::string read_line(const std::string& region, const std::string& directory, const ReadBack& read) {
    return line(read_object(region, directory, read));
}

std::string event_line(const std::string& region, const wire::Event& event) {
    Json object{{"event", kind_name(event.kind)}, {"number", event.number}, {"region", region}};
    add_time(object, "time", event.time_ns);
    object["generation"] = event.generation;
    object["epoch"] = event.epoch;
    object["principal"] = event.principal;
    object["detail"] = event.detail;
    return line(object);
}

std::string record_line(const std::string& region, const client::Record& record) {
    return line(Json{{"region", region},
                     {"generation", record.generation},
                     {"sequence", record.sequence},
                     {"epoch", record.epoch},
                     {"length", record.bytes.size()},
                     {"base64", base64(record.bytes)}});
}

}  // namespace pmemckpt::ctl
