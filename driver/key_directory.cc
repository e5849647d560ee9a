#include "driver/key_directory.hh"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "lib/base/log.hh"

namespace pmemckpt::driver {

namespace {

constexpr std::string_view kOfPools = "pool-";

bool is_of_a_principal(const std::filesystem::path& file) {
    return file.extension() == ".key" && !file.filename().string().starts_with(kOfPools);
}

/// None where the directory's names can't be read: those of keys are known to who comes.
std::vector<std::string> unreadable_keys(const std::string& directory) {
    std::vector<std::string> unreadable;
    std::error_code code;
    std::filesystem::directory_iterator entries(directory, code);
    for (; !code && entries != std::filesystem::directory_iterator(); entries.increment(code))
        if (is_of_a_principal(entries->path()) && ::access(entries->path().c_str(), R_OK) != 0)
            unreadable.push_back(entries->path().string());
    return unreadable;
}

}  // namespace

Status check_key_directory(const std::string& directory) {
    if (::access(directory.c_str(), X_OK) != 0)
        return fail_errno(
            errno,
            "key directory {} can't be read by uid {}, which pmemckptd is from now on; give it to "
            "that user with chown -R, or name another one with --key-dir",
            directory, ::geteuid());
    if (const auto keys = unreadable_keys(directory); !keys.empty())
        log::warning(
            "{} can't be read by uid {}, which pmemckptd is from now on{}: nobody can prove that he is that "
            "principal; chown it",
            keys.front(), ::geteuid(),
            keys.size() > 1 ? fmt::format(", nor {} other keys", keys.size() - 1) : std::string());
    return {};
}

}  // namespace pmemckpt::driver
