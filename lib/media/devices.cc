#include "lib/media/devices.hh"

#include <daxctl/libdaxctl.h>
#include <ndctl/libndctl.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "lib/base/handle.hh"
#include "lib/base/units.hh"

namespace pmemckpt::media {

namespace {

constexpr std::uint64_t kBadBlockBytes = 512;  // as the kernel counts them

using Ndctl = std::unique_ptr<ndctl_ctx, Closer<ndctl_unref>>;
using Daxctl = std::unique_ptr<daxctl_ctx, Closer<daxctl_unref>>;

std::string text_of(const char* text) {
    return text ? text : "";
}

std::string in_dev(const char* name) {
    return name && *name ? std::string("/dev/") + name : std::string();
}

const char* mode_name(ndctl_namespace_mode mode) {
    switch (mode) {
        case NDCTL_NS_MODE_FSDAX: return "fsdax";
        case NDCTL_NS_MODE_SECTOR: return "sector";
        case NDCTL_NS_MODE_DEVDAX: return "devdax";
        case NDCTL_NS_MODE_RAW: return "raw";
        default: return "unknown";
    }
}

PersistenceDomain domain_of(ndctl_region* region) {
    switch (ndctl_region_get_persistence_domain(region)) {
        case PERSISTENCE_CPU_CACHE: return PersistenceDomain::cpu_cache;
        case PERSISTENCE_MEM_CTRL: return PersistenceDomain::memory_controller;
        default: return PersistenceDomain::unknown;
    }
}

/// Of a region's bad blocks those that lie in [begin, end), which are physical addresses.
std::uint64_t bad_blocks_between(ndctl_region* region, std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t start = ndctl_region_get_resource(region);
    std::uint64_t count = 0;
    badblock* block = nullptr;
    ndctl_region_badblock_foreach(region, block) {
        const auto from = std::max<std::uint64_t>(start + block->offset * kBadBlockBytes, begin);
        const auto to = std::min<std::uint64_t>(start + (block->offset + block->len) * kBadBlockBytes, end);
        count += from < to ? divide_up(to - from, kBadBlockBytes) : 0;
    }
    return count;
}

void describe_devdax(ndctl_dax* dax, ndctl_region* region, MemoryDevice& device) {
    device.size = ndctl_dax_get_size(dax);
    device.alignment = ndctl_dax_get_align(dax);
    const std::uint64_t begin = ndctl_dax_get_resource(dax);
    device.bad_blocks = bad_blocks_between(region, begin, begin + device.size);
    auto* devices = ndctl_dax_get_daxctl_region(dax);
    if (auto* first = devices ? daxctl_dev_get_first(devices) : nullptr) {
        device.path = in_dev(daxctl_dev_get_devname(first));
        device.size = daxctl_dev_get_size(first);
    }
}

void describe_block_device(ndctl_namespace* space, MemoryDevice& device) {
    if (auto* pfn = ndctl_namespace_get_pfn(space)) {
        device.path = in_dev(ndctl_pfn_get_block_device(pfn));
        device.size = ndctl_pfn_get_size(pfn);
        device.alignment = ndctl_pfn_get_align(pfn);
    } else if (auto* btt = ndctl_namespace_get_btt(space)) {
        device.path = in_dev(ndctl_btt_get_block_device(btt));
        device.size = ndctl_btt_get_size(btt);
    } else {
        device.path = in_dev(ndctl_namespace_get_block_device(space));
    }
    badblock* block = nullptr;
    ndctl_namespace_badblock_foreach(space, block) device.bad_blocks += block->len;
}

MemoryDevice describe(ndctl_namespace* space, ndctl_region* region) {
    MemoryDevice device;
    device.region = text_of(ndctl_region_get_devname(region));
    device.name = text_of(ndctl_namespace_get_devname(space));
    device.mode = mode_name(ndctl_namespace_get_mode(space));
    device.size = ndctl_namespace_get_size(space);
    device.domain = domain_of(region);
    if (const int node = ndctl_region_get_numa_node(region); node >= 0)
        device.numa_node = node;
    if (auto* dax = ndctl_namespace_get_dax(space))
        describe_devdax(dax, region, device);
    else
        describe_block_device(space, device);
    return device;
}

void list_region(ndctl_region* region, MemoryInventory& inventory) {
    const auto free = ndctl_region_get_max_available_extent(region);
    inventory.regions.push_back({text_of(ndctl_region_get_devname(region)), ndctl_region_get_size(region),
                                 free == ULLONG_MAX ? ndctl_region_get_available_size(region) : free});
    ndctl_namespace* space = nullptr;
    ndctl_namespace_foreach(region, space) {
        if (ndctl_namespace_get_size(space) > 0)  // else it is what the kernel keeps ready to be made one of
            inventory.devices.push_back(describe(space, region));
    }
}

/// Devices that no namespace leads to: the memory of something else.
Status list_other_devices(MemoryInventory& inventory) {
    daxctl_ctx* context = nullptr;
    if (const int code = daxctl_new(&context); code < 0)
        return fail_errno(-code, "libdaxctl can't be used");
    const Daxctl owner(context);
    daxctl_region* region = nullptr;
    daxctl_region_foreach(context, region) {
        daxctl_dev* found = nullptr;
        daxctl_dev_foreach(region, found) {
            MemoryDevice device;
            device.path = in_dev(daxctl_dev_get_devname(found));
            if (daxctl_dev_get_size(found) == 0 ||
                std::ranges::any_of(inventory.devices, [&](const auto& d) { return d.path == device.path; }))
                continue;
            device.mode = "devdax";
            device.size = daxctl_dev_get_size(found);
            device.alignment = daxctl_region_get_align(region);
            if (const int node = daxctl_dev_get_target_node(found); node >= 0)
                device.numa_node = node;
            device.is_persistent =
                text_of(daxctl_region_get_path(region)).find("/ndbus") != std::string::npos;
            inventory.devices.push_back(std::move(device));
        }
    }
    return {};
}

}  // namespace

Result<MemoryInventory> list_memory() {
    ndctl_ctx* context = nullptr;
    if (const int code = ndctl_new(&context); code < 0)
        return fail_errno(-code, "libndctl can't be used");
    const Ndctl owner(context);
    MemoryInventory inventory;
    ndctl_bus* bus = nullptr;
    ndctl_bus_foreach(context, bus) {
        ndctl_region* region = nullptr;
        ndctl_region_foreach(bus, region) list_region(region, inventory);
    }
    TRY(list_other_devices(inventory));
    return inventory;
}

std::optional<MakeDevice> command_to_make_device(const MemoryInventory& inventory) {
    const auto in_mode = [&](std::string_view mode) {
        return std::ranges::find_if(inventory.devices, [&](const MemoryDevice& device) {
            return !device.name.empty() && device.mode == mode;
        });
    };
    const auto room = std::ranges::max_element(inventory.regions, {}, &MemoryRegion::free);
    if (room != inventory.regions.end() && room->free > 0)
        return MakeDevice{fmt::format("{} -r {}", kMakeDevice, room->name), ""};
    for (const char* mode : {"raw", "sector", "fsdax"})
        if (const auto found = in_mode(mode); found != inventory.devices.end())
            return MakeDevice{fmt::format("{} -e {} -f", kMakeDevice, found->name), found->name};
    return std::nullopt;
}

}  // namespace pmemckpt::media
