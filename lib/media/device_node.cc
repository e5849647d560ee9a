#include "lib/media/device_node.hh"

#include <cerrno>
#include <filesystem>

#include "lib/media/dax_device.hh"

namespace pmemckpt::media {

namespace {

namespace fs = std::filesystem;

bool kernel_has(const std::string& name) {
    std::error_code none;
    return fs::exists("/sys/bus/dax/devices/" + name, none) || fs::exists("/sys/class/block/" + name, none);
}

}  // namespace

bool names_a_device(const std::string& path) {
    return fs::path(path).parent_path() == "/dev";
}

Error device_error(int code, const std::string& path) {
    const auto name = fs::path(path).filename().string();
    if (code == EPERM)  // not the node's mode, which is EACCES
        return {code,
                fmt::format("can't open {}: a container or sandbox forbids it (of a service of systemd: "
                            "DeviceAllow=, see pmemckptd(8))",
                            path)};
    if (code != ENOENT)
        return system_error(code, fmt::format("can't open {}", path));
    if (kernel_has(name))
        return {code, fmt::format("the kernel has the device {}, but its node {} is not here: a container or "
                                  "sandbox hides it (of a service of systemd: PrivateDevices=yes, see "
                                  "pmemckptd(8))",
                                  name, path)};
    if (!name.starts_with("dax") && !name.starts_with("pmem"))
        return {code, fmt::format("there is no device {}", path)};
    return {code, fmt::format("there is no device {}; pmemckpt-ctl list-devices shows what there is; of free "
                              "room on an NVDIMM this makes one: {}",
                              path, kMakeDevice)};
}

}  // namespace pmemckpt::media
