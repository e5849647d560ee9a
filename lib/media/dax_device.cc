#include "lib/media/dax_device.hh"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "lib/media/lock.hh"

namespace pmemckpt::media {

namespace {

namespace fs = std::filesystem;

std::string first_word_in(const fs::path& file) {
    std::string word;
    std::ifstream(file) >> word;
    return word;
}

/// The folder of the region that the device is in; empty when it is in none.
fs::path region_of(fs::path folder) {
    for (; folder.has_relative_path(); folder = folder.parent_path())
        if (folder.filename().string().starts_with("region") && fs::exists(folder / "mappings"))
            return folder;
    return {};
}

PersistenceDomain domain_of(const fs::path& region) {
    const auto word = first_word_in(region / "persistence_domain");
    if (word == to_string(PersistenceDomain::cpu_cache))
        return PersistenceDomain::cpu_cache;
    if (word == to_string(PersistenceDomain::memory_controller))
        return PersistenceDomain::memory_controller;
    return PersistenceDomain::unknown;
}

}  // namespace

const char* to_string(PersistenceDomain domain) {
    switch (domain) {
        case PersistenceDomain::unknown: return "unknown";
        case PersistenceDomain::memory_controller: return "memory_controller";
        case PersistenceDomain::cpu_cache: return "cpu_cache";
    }
    return "unknown";
}

Result<DaxDevice> find_dax_device(dev_t device, const std::string& path) {
    const auto name = fmt::format("/sys/dev/char/{}:{}", ::major(device), ::minor(device));
    std::error_code none;
    const auto folder = fs::canonical(name, none);
    const auto subsystem = none ? fs::path() : fs::canonical(folder / "subsystem", none).filename();
    if (none || subsystem != "dax")
        return fail(
            EINVAL,
            "{} is a device, and not one of memory (devdax); a pool lies on such a one, or in a plain "
            "file (pmemckpt-ctl list-devices shows what there is)",
            path);
    const auto region = region_of(folder);
    if (region.empty())
        return fail(ENXIO,
                    "{} is memory of no NVDIMM region: what is in it is lost when the power goes, so no pool "
                    "can lie there",
                    path);
    return DaxDevice{folder.string(), region.string(), domain_of(region)};
}

Status check_deep_flush(const DaxDevice& device, const std::string& path) {
    const auto file = device.region + "/deep_flush";
    const auto needed = first_word_in(file);
    if (device.domain != PersistenceDomain::unknown || needed.empty() || needed == "0")
        return {};
    if (FileDescriptor(::open(file.c_str(), O_WRONLY | O_CLOEXEC)))
        return {};
    auto why =
        system_error(errno, fmt::format("{}: the platform does not say what is safe when the power goes, and "
                                        "{}, which orders a deep flush, can't be written",
                                        path, file));
    why.message +=
        " (of a service of systemd: ProtectKernelTunables=yes; of another user than root: give it to him; "
        "see "
        "pmemckptd(8))";
    return fail(EACCES, "{}", why.message);
}

std::string bad_block_list(const DaxDevice& device) {
    std::ifstream file(device.region + "/badblocks");
    return {std::istreambuf_iterator<char>(file), {}};
}

// A lock is an inode's, and each node of a device is another one. In sysfs the device has one inode, whoever
// looks; `resource` is the file there that only root may open, so nobody else can keep a manager away.
Result<FileDescriptor> lock_dax_device(const FileDescriptor& node, const DaxDevice& device, bool exclusive,
                                       const std::string& path) {
    TRY(exclusive ? lock_file(node, path) : lock_file_shared(node, path));
    FileDescriptor name(::open((device.sysfs + "/resource").c_str(), O_RDONLY | O_CLOEXEC));
    if (name)
        TRY(lock_name(name, exclusive, path));
    return name;
}

}  // namespace pmemckpt::media
