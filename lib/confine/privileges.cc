#include "lib/confine/privileges.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <string>

#include "lib/base/handle.hh"

namespace pmemckpt::confine {

namespace {

constexpr const char* kThreads = "/proc/self/task";

std::string_view without_blanks(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

/// What stands behind "NAME:" at the start of a line.
Result<std::string_view> field(std::string_view text, std::string_view name) {
    for (std::size_t at = 0; at < text.size();) {
        const auto line = text.substr(at, text.find('\n', at) - at);
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':')
            return without_blanks(line.substr(name.size() + 1));
        at += line.size() + 1;
    }
    return fail(EPROTO, "/proc/self/status has no line {}: (is this Linux 4.10 or later?)", name);
}

template <class Number>
Result<Number> number_at(std::string_view text, int base) {
    Number number{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (code != std::errc())
        return fail(EPROTO, "/proc/self/status has \"{}\" where a number stands", text);
    return number;
}

/// Real, effective, saved, of the file system.
Result<unsigned> effective_id(std::string_view text, std::string_view name) {
    const auto ids = TRY(field(text, name));
    return number_at<unsigned>(without_blanks(ids.substr(std::min(ids.find_first_of(" \t"), ids.size()))),
                               10);
}

Result<std::vector<gid_t>> parse_groups(std::string_view text) {
    std::vector<gid_t> groups;
    for (auto list = TRY(field(text, "Groups")); !list.empty();) {
        groups.push_back(TRY(number_at<gid_t>(list, 10)));
        list = without_blanks(list.substr(std::min(list.find(' '), list.size())));
    }
    return groups;
}

Result<CapabilitySet> set_of(std::string_view text, std::string_view name) {
    const auto digits = TRY(field(text, name));
    return number_at<CapabilitySet>(digits, 16);
}

Result<unsigned> number_of(std::string_view text, std::string_view name) {
    const auto digits = TRY(field(text, name));
    return number_at<unsigned>(digits, 10);
}

Result<std::string> read_text(const std::string& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return fail_errno(errno == ENOENT ? ESRCH : errno, "can't read {}", path);
    std::string text;
    std::array<char, 4096> part;
    for (ssize_t got; (got = ::read(file.get(), part.data(), part.size())) != 0;) {
        if (got < 0 && errno != EINTR)
            return fail_errno(errno, "can't read {}", path);
        text.append(part.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    return text;
}

}  // namespace

Result<Privileges> parse_status(std::string_view text) {
    Privileges privileges;
    privileges.uid = TRY(effective_id(text, "Uid"));
    privileges.gid = TRY(effective_id(text, "Gid"));
    privileges.groups = TRY(parse_groups(text));
    privileges.inheritable = TRY(set_of(text, "CapInh"));
    privileges.permitted = TRY(set_of(text, "CapPrm"));
    privileges.effective = TRY(set_of(text, "CapEff"));
    privileges.bounding = TRY(set_of(text, "CapBnd"));
    privileges.ambient = TRY(set_of(text, "CapAmb"));
    privileges.no_new_privileges = TRY(number_of(text, "NoNewPrivs")) != 0;
    privileges.filtered = TRY(number_of(text, "Seccomp")) == 2;
    return privileges;
}

Result<std::vector<pid_t>> list_threads() {
    std::vector<pid_t> threads;
    std::error_code code;
    std::filesystem::directory_iterator entries(kThreads, code);
    while (!code && entries != std::filesystem::directory_iterator()) {
        threads.push_back(TRY(number_at<pid_t>(entries->path().filename().string(), 10)));
        entries.increment(code);
    }
    if (code)
        return fail_errno(code.value(), "can't list {}", kThreads);
    return threads;
}

Result<Privileges> privileges_of(pid_t thread) {
    const auto text = TRY(read_text(fmt::format("{}/{}/status", kThreads, thread)));
    return parse_status(text);
}

Result<Privileges> read_privileges() {
    auto all = TRY(privileges_of(::getpid()));
    for (const auto thread : TRY(list_threads())) {
        const auto one = privileges_of(thread);
        if (!one && one.error().code == ESRCH)
            continue;
        if (!one)
            return tl::unexpected<Error>(one.error());
        all.inheritable |= one->inheritable;
        all.permitted |= one->permitted;
        all.effective |= one->effective;
        all.bounding |= one->bounding;
        all.ambient |= one->ambient;
        all.no_new_privileges = all.no_new_privileges && one->no_new_privileges;
        all.filtered = all.filtered && one->filtered;
    }
    return all;
}

}  // namespace pmemckpt::confine
