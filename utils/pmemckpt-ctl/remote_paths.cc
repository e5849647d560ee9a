#include "utils/pmemckpt-ctl/remote_paths.hh"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <span>

namespace pmemckpt::ctl {

namespace {

bool is_at_service(const std::string& path) {
    return path.starts_with(kAtService);
}

std::string without_mark(const std::string& path) {
    return is_at_service(path) ? path.substr(1) : path;
}

bool is_folder(const std::string& path) {
    struct stat there {};
    return ::stat(path.c_str(), &there) == 0 && S_ISDIR(there.st_mode);
}

/// What a file is called in the folder that it is copied to.
Result<std::string> name_of(const std::string& path) {
    if (is_standard_stream(path))
        return fail(EINVAL, "standard input has no name: the destination must have one");
    auto name = without_mark(path);
    name.erase(0, name.rfind('/') + 1);  // 0 without a slash
    if (name.empty() || name == "." || name == "..")
        return fail(EINVAL, "\"{}\" names no file", path);
    return name;
}

/// The folder that the destination is, with a slash at its end; empty when it is a file. At the service the
/// slash tells, here the file system does.
Result<std::string> folder_here(const std::string& path, bool is_needed) {
    if (!is_standard_stream(path) && is_folder(path))
        return path.ends_with('/') ? path : path + "/";
    struct stat there {};
    if (path.ends_with('/') || (is_needed && ::stat(path.c_str(), &there) != 0))
        return fail(ENOENT, "there is no folder {}", path);
    if (is_needed)
        return fail(ENOTDIR, "several files need a folder, and {} is none", path);
    return std::string();
}

Result<std::string> folder_at_service(const std::string& path, bool is_needed) {
    const bool is_top = path == ":" || path == ":/";
    if (!is_top && is_needed && !path.ends_with('/'))
        return fail(EINVAL, "several files need a folder: end {} with a slash", path);
    return is_top ? ":" : path.ends_with('/') ? path : "";
}

Status check_sides(std::span<const std::string> sources, const std::string& destination) {
    const auto remote = std::ranges::count_if(sources, is_at_service);
    const bool is_mixed = remote != 0 && remote != std::ssize(sources);
    if (!is_mixed && (remote != 0) != is_at_service(destination))
        return {};
    return fail(EINVAL,
                "the sources or the destination must be at the service, and not both: a path with a ':' "
                "before it is one there (./:NAME is a file here)");
}

}  // namespace

bool is_standard_stream(const std::string& path) {
    return path == "-" || path == "/dev/stdin" || path == "/dev/stdout";
}

Result<RemoteCopies> plan_copies(const std::vector<std::string>& paths) {
    const auto sources = std::span(paths).first(paths.size() - 1);
    const auto& destination = paths.back();
    TRY(check_sides(sources, destination));
    RemoteCopies copies{is_at_service(destination), {}};
    const auto folder = TRY(copies.to_service ? folder_at_service(destination, sources.size() > 1)
                                              : folder_here(destination, sources.size() > 1));
    std::set<std::string> names;
    for (const auto& source : sources) {
        const auto to = folder.empty() ? destination : folder + TRY(name_of(source));
        if (!names.insert(to).second)
            return fail(EINVAL, "two of the files would be {}", to);
        if (!copies.to_service && is_folder(to))
            return fail(EINVAL, "{} is a folder: no file takes its place", to);
        if (copies.to_service && source != "-" && is_folder(source))
            return fail(EINVAL, "{} is a folder: only files are copied", source);
        copies.all.push_back({without_mark(source), without_mark(to)});
    }
    return copies;
}

}  // namespace pmemckpt::ctl
