#pragma once
// /proc/self/mountinfo, as proc(5) has it.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hh"

namespace pmemckpt::view {

inline constexpr std::string_view kFileSystemType = "fuse.pmemckpt";

struct Mounted {
    std::string device;  ///< "MAJOR:MINOR"
    std::string point;
    std::string type;
    std::string source;
};

/// Lines that are none are left out.
std::vector<Mounted> parse_mount_table(std::string_view text);
Result<std::vector<Mounted>> read_mount_table();

/// The topmost mount at this place.
std::optional<Mounted> mounted_at(const std::vector<Mounted>& table, std::string_view point);

/// The absolute path of a directory to mount on. ENOENT, ENOTDIR, EBUSY (a view is mounted there already).
Result<std::string> check_mount_point(const std::string& path);

}  // namespace pmemckpt::view
