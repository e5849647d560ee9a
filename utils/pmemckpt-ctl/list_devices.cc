// pmemckpt-ctl list-devices: what persistent memory this host has, and the pools on it.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "lib/base/units.hh"
#include "lib/format/superblock.hh"
#include "lib/media/devices.hh"
#include "lib/media/medium.hh"
#include "lib/media/readable.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/offline.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

using Json = nlohmann::ordered_json;

struct Listed {
    media::MemoryDevice device;
    std::optional<pool::Uuid> pool;
};

/// Without a lock: a manager may have it. Nothing when there is none, or the device can't be opened.
std::optional<pool::Uuid> pool_on(const media::MemoryDevice& device) {
    if (device.mode != "devdax" || device.path.empty() || !device.is_persistent)
        return std::nullopt;
    const auto medium = media::open_medium(device.path, media::Use::read_only);
    if (!medium)
        return std::nullopt;
    const auto bytes = std::as_const(**medium).bytes();
    for (const auto offset : format::kSuperblockOffset) {
        if (!fits({{offset}, {format::kSuperblockBytes}}, {bytes.size()}))
            return std::nullopt;
        const auto copy = bytes.subspan(offset, format::kSuperblockBytes);
        if (!media::check_readable(copy, offset))
            continue;
        const auto reading = format::read_superblock(copy);
        if (reading.state == format::SuperblockState::valid)
            return reading.superblock.uuid;
    }
    return std::nullopt;
}

bool can_hold_a_pool(const Listed& listed) {
    return listed.device.mode == "devdax" && listed.device.is_persistent && !listed.device.path.empty();
}

template <class T>
Json value_or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}
Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json json_of(const Listed& listed) {
    const auto& device = listed.device;
    return {{"namespace", text_or_null(device.name)},
            {"region", text_or_null(device.region)},
            {"mode", device.mode},
            {"path", text_or_null(device.path)},
            {"size", device.size},
            {"alignment", device.alignment == 0 ? Json(nullptr) : Json(device.alignment)},
            {"numa_node", value_or_null(device.numa_node)},
            {"persistence_domain", device.is_persistent ? media::to_string(device.domain) : "none"},
            {"bad_blocks", device.bad_blocks},
            {"pool", listed.pool ? Json(pool::to_string(*listed.pool)) : Json(nullptr)}};
}

std::string json_of(const std::vector<Listed>& devices, const std::string& command) {
    Json list = Json::array();
    for (const auto& listed : devices)
        list.push_back(json_of(listed));
    const bool any = std::ranges::any_of(devices, can_hold_a_pool);
    return Json{{"devices", list}, {"make", any ? Json(nullptr) : Json(command)}}.dump(2) + "\n";
}

std::string or_dash(std::string text) {
    return text.empty() ? "-" : text;
}

std::string table_of(const std::vector<Listed>& devices) {
    using Align = Table::Align;
    Table table({{"NAMESPACE"},
                 {"MODE"},
                 {"DEVICE"},
                 {"SIZE", Align::right},
                 {"ALIGNMENT", Align::right},
                 {"NUMA", Align::right},
                 {"PERSISTENCE"},
                 {"BAD BLOCKS", Align::right},
                 {"POOL"}});
    for (const auto& [device, pool] : devices)
        table.add({or_dash(device.name), device.mode, or_dash(device.path), format_size(device.size),
                   device.alignment == 0 ? "-" : format_size(device.alignment),
                   device.numa_node ? std::to_string(*device.numa_node) : "-",
                   device.is_persistent ? media::to_string(device.domain) : "none",
                   std::to_string(device.bad_blocks), pool ? pool::to_string(*pool) : "-"});
    return table.text();
}

std::string text_of(const std::vector<Listed>& devices, const std::string& command) {
    std::string text = devices.empty() ? "This host has no persistent memory that the kernel knows of.\n"
                                       : table_of(devices);
    if (!std::ranges::any_of(devices, can_hold_a_pool))
        text += fmt::format("No devdax device is there, and a pool needs one; {}:\n  {}\n",
                            devices.empty() ? "where there is an NVDIMM, this makes one"
                                            : "this makes one, and what is in the namespace is lost",
                            command);
    return text;
}

}  // namespace

Status list_devices(const Common& common) {
    const auto inventory = TRY(media::list_memory());
    std::vector<Listed> devices;
    for (const auto& device : inventory.devices)
        devices.push_back({device, pool_on(device)});
    const auto command = media::command_to_make_device(inventory);
    return print(common.json ? json_of(devices, command) : text_of(devices, command));
}

}  // namespace pmemckpt::ctl
