#include <nlohmann/json.hpp>

#include "fuse/view.hh"
#include "lib/media/medium.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::view {

namespace {

// What a manager sends need not be UTF-8; it is shown with replacements then.
constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;

nlohmann::ordered_json pool_json(const wire::PoolStatus& pool, bool connected) {
    nlohmann::ordered_json json;
    json["uuid"] = pool::to_string(pool.uuid);
    if (!connected)
        return json;
    json["name"] = pool.name;
    json["size"] = pool.size;
    json["page_size"] = pool.page_size;
    json["pages"] = pool.pages;
    json["free_pages"] = pool.free_pages;
    json["regions"] = pool.regions;
    json["generations"] = pool.generations;
    json["durability"] = durability_text(pool.durability);
    return json;
}

nlohmann::ordered_json session_json(const SourceStatus& status) {
    nlohmann::ordered_json json;
    json["connected"] = status.connected;
    json["reconnects"] = status.reconnects;
    if (status.connected)
        json["id"] = status.session_id;
    else
        json["trouble"] = status.trouble;
    return json;
}

}  // namespace

std::string status_text(View& view) {
    const auto status = view.source->status();
    nlohmann::ordered_json json;
    json["version"] = PMEMCKPT_VERSION;
    json["engine"] = status.engine;
    json["server"] = status.server;
    json["principal"] = status.principal;
    if (status.connected)
        json["manager"] = status.manager;
    json["session"] = session_json(status);
    json["pool"] = pool_json(status.pool, status.connected);
    json["open_files"] = view.files.size();
    json["inodes"] = view.inodes.size();
    return json.dump(2, ' ', false, kReplace) + "\n";
}

}  // namespace pmemckpt::view
