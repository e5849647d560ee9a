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
    std::string trouble;  ///< why it is not known whether a pool is there; empty when it is
};

bool can_hold_a_pool(const media::MemoryDevice& device) {
    return device.mode == "devdax" && device.is_persistent;
}

/// Nothing when there is none.
std::optional<pool::Uuid> pool_in(const media::Medium& medium) {
    const auto bytes = medium.bytes();
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

/// Without a lock: a manager may have it.
Listed look_at(const media::MemoryDevice& device) {
    if (!can_hold_a_pool(device))
        return {device, std::nullopt, ""};
    if (device.path.empty())
        return {
            device, std::nullopt,
            fmt::format("{} has no device now: load the module device_dax, or, where it is disabled: ndctl "
                        "enable-namespace {}",
                        device.name, device.name)};
    const auto medium = media::open_medium(device.path, media::Use::read_only);
    if (!medium)
        return {device, std::nullopt, medium.error().message};
    return {device, pool_in(**medium), ""};
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
            {"pool", listed.pool ? Json(pool::to_string(*listed.pool)) : Json(nullptr)},
            {"trouble", text_or_null(listed.trouble)}};
}

/// What makes a device for a pool; nothing where there is one, or nothing to make it of.
std::optional<media::MakeDevice> what_makes_one(const media::MemoryInventory& inventory) {
    if (std::ranges::any_of(inventory.devices, can_hold_a_pool))
        return std::nullopt;
    return media::command_to_make_device(inventory);
}

std::string json_of(const std::vector<Listed>& devices, const std::optional<media::MakeDevice>& make) {
    Json list = Json::array();
    for (const auto& listed : devices)
        list.push_back(json_of(listed));
    return Json{{"devices", list}, {"make", make ? Json(make->command) : Json(nullptr)}}.dump(2) + "\n";
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
    for (const auto& [device, pool, trouble] : devices)
        table.add({or_dash(device.name), device.mode, or_dash(device.path), format_size(device.size),
                   device.alignment == 0 ? "-" : format_size(device.alignment),
                   device.numa_node ? std::to_string(*device.numa_node) : "-",
                   device.is_persistent ? media::to_string(device.domain) : "none",
                   std::to_string(device.bad_blocks),
                   pool              ? pool::to_string(*pool)
                   : trouble.empty() ? "-"
                                     : "?"});
    return table.text();
}

std::string text_of(const std::vector<Listed>& devices, const std::optional<media::MakeDevice>& make) {
    if (devices.empty() && !make)
        return fmt::format(
            "This host has no persistent memory that the kernel knows of. A pool lies in a plain "
            "file then;\nwhere there is an NVDIMM, this makes a devdax device of its free room:\n"
            "  {}\n",
            media::kMakeDevice);
    auto text = devices.empty() ? std::string() : table_of(devices);
    for (const auto& listed : devices)
        if (!listed.trouble.empty())
            text += fmt::format("Whether a pool is there can't be seen: {}\n", listed.trouble);
    if (make)
        text += fmt::format("No devdax device is there, and a pool needs one; this makes one{}:\n  {}\n",
                            make->loses.empty() ? ", of room that no namespace has"
                                                : ", and what is in the namespace is lost",
                            make->command);
    return text;
}

}  // namespace

Status list_devices(const Common& common) {
    const auto inventory = TRY(media::list_memory());
    std::vector<Listed> devices;
    for (const auto& device : inventory.devices)
        devices.push_back(look_at(device));
    const auto make = what_makes_one(inventory);
    return print(common.json ? json_of(devices, make) : text_of(devices, make));
}

}  // namespace pmemckpt::ctl
