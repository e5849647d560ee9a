#include "fuse/mount_table.hh"

#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include "lib/base/handle.hh"

namespace pmemckpt::view {

namespace {

bool is_octal(std::string_view digits) {
    return digits.size() == 3 && digits.find_first_not_of("01234567") == std::string_view::npos &&
           digits[0] < '4';
}

// "\040" is a space; tab, newline and backslash are written so, too.
std::string unescape(std::string_view field) {
    std::string plain;
    for (std::size_t at = 0; at < field.size(); ++at) {
        const auto digits = field.substr(at + 1, 3);
        if (field[at] == '\\' && is_octal(digits)) {
            plain += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
            at += 3;
        } else {
            plain += field[at];
        }
    }
    return plain;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        parts.push_back(text.substr(0, text.find(separator)));
        text.remove_prefix(std::min(text.size(), parts.back().size() + 1));
    }
    return parts;
}

// 36 35 98:0 /root /point options [tags...] - type source options
std::optional<Mounted> parse_line(std::string_view line) {
    constexpr std::size_t kDevice = 2, kPoint = 4, kFirstTag = 6;
    const auto fields = split(line, ' ');
    for (std::size_t at = kFirstTag; at + 2 < fields.size(); ++at)
        if (fields[at] == "-")
            return Mounted{std::string(fields[kDevice]), unescape(fields[kPoint]), unescape(fields[at + 1]),
                           unescape(fields[at + 2])};
    return {};
}

}  // namespace

std::vector<Mounted> parse_mount_table(std::string_view text) {
    std::vector<Mounted> table;
    for (const auto line : split(text, '\n'))
        if (auto mounted = parse_line(line))
            table.push_back(std::move(*mounted));
    return table;
}

Result<std::vector<Mounted>> read_mount_table() {
    constexpr const char* kPath = "/proc/self/mountinfo";
    std::ifstream file(kPath);
    if (!file)
        return fail_errno(errno, "{}", kPath);
    return parse_mount_table(std::string(std::istreambuf_iterator<char>(file), {}));
}

std::optional<Mounted> mounted_at(const std::vector<Mounted>& table, std::string_view point) {
    std::optional<Mounted> top;
    for (const auto& mounted : table)
        if (mounted.point == point)
            top = mounted;
    return top;
}

Result<std::string> check_mount_point(const std::string& path) {
    // Not stat(2) first: it would hang, or fail, on a view whose process is gone.
    const std::unique_ptr<char, Closer<std::free>> real(::realpath(path.c_str(), nullptr));
    if (!real)
        return fail_errno(errno, "mount point {}", path);
    const auto top = mounted_at(TRY(read_mount_table()), real.get());
    if (top && top->type == kFileSystemType)
        return fail(EBUSY, "{} is mounted on {} already; unmount it first: umount {}", top->source, path,
                    path);
    struct stat attributes {};
    if (::stat(real.get(), &attributes) != 0)
        return fail_errno(errno, "mount point {}", path);
    if (!S_ISDIR(attributes.st_mode))
        return fail(ENOTDIR, "mount point {} is not a directory", path);
    return std::string(real.get());
}

}  // namespace pmemckpt::view
