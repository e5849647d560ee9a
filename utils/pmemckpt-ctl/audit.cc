// pmemckpt-ctl audit: what of keys, windows and pools is not as it should be, on this host.
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/keys.hh"
#include "utils/pmemckpt-ctl/admin_socket.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json_text.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

struct Finding {
    bool is_wrong;  ///< or only to be known
    std::string about, sentence;
};
using Findings = std::vector<Finding>;

constexpr unsigned kOthersBits = 0077;
/// Keys that follow each other by less than this can be guessed: of 32 random bits hardly any do.
constexpr std::uint64_t kNear = 0x1'0000;
constexpr std::size_t kFewWindows = 4;

void check_mode(const std::filesystem::path& path, const char* wanted, Findings& findings) {
    struct stat attributes {};
    if (::stat(path.c_str(), &attributes) != 0)
        findings.push_back({true, path, fmt::format("it can't be looked at: {}", std::strerror(errno))});
    else if ((attributes.st_mode & kOthersBits) != 0)
        findings.push_back({true, path,
                            fmt::format("others than its owner can use it (mode {:04o}): chmod {} {}",
                                        attributes.st_mode & 07777, wanted, path.string())});
}

/// Who owns a file can let others read it, and make it another one; and a manager that is the directory's
/// owner can't read one of root's.
void check_owner(const std::filesystem::path& path, uid_t owner_of_directory, Findings& findings) {
    struct stat attributes {};
    if (::stat(path.c_str(), &attributes) != 0 || attributes.st_uid == owner_of_directory)
        return;
    findings.push_back(
        {true, path,
         fmt::format("user {} owns it, and the key directory is user {}'s: chown {} {}", attributes.st_uid,
                     owner_of_directory, owner_of_directory, path.string())});
}

void check_key(const std::string& directory, const std::filesystem::path& path, Findings& findings) {
    const auto name = path.stem().string();
    if (const auto keys = load_valid_keys(directory, name); !keys)
        findings.push_back({true, path, keys.error().message});
    else if (keys->former)
        findings.push_back({false, path, "the key before is valid as well, for now: it was rotated"});
}

void check_keys(const std::string& directory, Findings& findings) {
    std::error_code status;
    if (!std::filesystem::is_directory(directory, status)) {
        findings.push_back({true, directory, "there is no such key directory"});
        return;
    }
    check_mode(directory, "700", findings);
    struct stat attributes {};
    ::stat(directory.c_str(), &attributes);
    for (const auto& entry : std::filesystem::directory_iterator(directory, status)) {
        const auto kind = entry.path().extension();
        if (kind == ".key")
            check_key(directory, entry.path(), findings);
        if (kind == ".key" || kind == ".former")
            check_owner(entry.path(), attributes.st_uid, findings);
    }
    if (status)
        findings.push_back({true, directory, "it can't be listed: " + status.message()});
}

std::uint64_t key_of(const Json& window) {
    return std::strtoull(window.value("key", "0").c_str(), nullptr, 16);
}

/// Of one engine: device and user space choose keys in different ways.
void check_window_keys(const Json& status, const std::string& engine, Findings& findings) {
    std::vector<std::uint64_t> sessions, keys;
    for (const auto& session : status["sessions"])
        if (session.value("engine", "") == engine)
            sessions.push_back(session.value("id", std::uint64_t{0}));
    for (const auto& window : status["windows"])
        if (std::find(sessions.begin(), sessions.end(), window.value("session", std::uint64_t{0})) !=
            sessions.end())
            keys.push_back(key_of(window));
    std::sort(keys.begin(), keys.end());
    std::size_t near = 0;
    for (std::size_t i = 1; i < keys.size(); ++i)
        near += keys[i] - keys[i - 1] < kNear;
    if (keys.size() < kFewWindows || near * 2 < keys.size())
        return;
    const auto sentence = fmt::format(
        "{} of {} windows have keys that follow on another's: they can be guessed", near, keys.size());
    if (engine == "verbs")
        findings.push_back(
            {false, "windows over verbs",
             sentence + "; the device chooses them, and each is bound to its session's protection domain"});
    else
        findings.push_back({true, "windows over " + engine, sentence});
}

/// More than the generation it is for can be reached by nobody.
void check_window_sizes(const Json& status, Findings& findings) {
    for (const auto& window : status["windows"]) {
        const auto needed = window.find("needed");
        if (needed == window.end() || !needed->is_number_unsigned() ||
            window.value("size", std::uint64_t{0}) <= needed->get<std::uint64_t>())
            continue;
        findings.push_back(
            {true,
             fmt::format("window {} of session {}", window.value("key", "?"),
                         window.value("session", std::uint64_t{0})),
             fmt::format("it has {} bytes, and {} are needed", window.value("size", std::uint64_t{0}),
                         needed->get<std::uint64_t>())});
    }
}

void check_medium(const Json& pool, Findings& findings) {
    const auto path = pool.value("path", "");
    struct statfs system {};
    if (::statfs(path.c_str(), &system) != 0)
        findings.push_back({true, path, fmt::format("it can't be looked at: {}", std::strerror(errno))});
    else if ((system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC) &&
             std::filesystem::is_regular_file(path))
        findings.push_back(
            {true, path, "it lies in memory that is lost with the host: nothing in it is durable"});
    else if (pool.value("durability", "") == "page")
        findings.push_back(
            {false, path, "it is a plain file: durable when the system has written its pages"});
    if (pool.value("bad_pages", std::uint64_t{0}) > 0)
        findings.push_back(
            {true, path, fmt::format("{} pages can't be read", pool["bad_pages"].get<std::uint64_t>())});
}

/// As the kernel has it of the manager's threads.
void check_confinement(const Json& confinement, Findings& findings) {
    const std::string about = "confinement";
    if (!confinement.is_object()) {
        findings.push_back({true, about, "the manager can't tell what the kernel lets it do"});
        return;
    }
    const auto filter = confinement.value("seccomp", "none");
    if (filter == "none")
        findings.push_back({true, about,
                            "no system call is refused: who takes the manager over can do all that its user "
                            "can; confine = \"on\""});
    else if (filter != "on")
        findings.push_back(
            {true, about, "system calls that should be refused are told, and let through; confine = \"on\""});
    if (!confinement.value("no_new_privileges", false))
        findings.push_back({true, about, "a program that it executes could get more rights than it has"});
    if (const auto held = confinement.find("capabilities"); held != confinement.end() && !held->empty())
        findings.push_back({true, about, "it has capabilities: " + held->dump()});
    if (confinement.value("uid", 0U) == 0)
        findings.push_back({false, about, "it is root: another user is enough, such as user = \"pmemckpt\""});
}

void check_counts(const Json& counts, Findings& findings) {
    const auto tell = [&](const char* event, const char* what) {
        if (const auto count = counts.value(event, std::uint64_t{0}); count > 0)
            findings.push_back(
                {true, "sessions",
                 fmt::format("{} {} since the manager was started: its log says whose", count, what)});
    };
    tell("authentication_failed", "proofs of a principal have failed");
    tell("request_refused", "requests were refused for want of a right");
    tell("access_refused", "accesses were refused by a window");
}

void check_manager(const Json& status, Findings& findings) {
    for (const char* list : {"sessions", "windows", "pools", "listen"})
        if (!status.contains(list) || !status[list].is_array()) {
            findings.push_back({true, "manager", fmt::format("its status has no {}", list)});
            return;
        }
    for (const char* engine : {"iwarp", "verbs"})
        check_window_keys(status, engine, findings);
    check_window_sizes(status, findings);
    for (const auto& pool : status["pools"])
        check_medium(pool, findings);
    check_confinement(status.value("confinement", Json()), findings);
    if (status.contains("audit"))
        check_counts(status["audit"], findings);
    for (const auto& address : status["listen"])
        if (const auto text = address.get<std::string>();
            text.starts_with("0.0.0.0:") || text.starts_with("[::]:"))
            findings.push_back(
                {false, text, "every network of this host reaches it: name the address of the right one"});
}

/// What of the manager of this host can be asked for. None: nobody answers.
Status look_at_manager(const Common& common, Findings& findings) {
    const auto line = TRY(status_of_host(common));
    if (!line) {
        findings.push_back({false, "manager", "none answers on this host, so nothing of one was looked at"});
        return {};
    }
    const auto status = Json::parse(*line, nullptr, false);
    if (!status.is_object())
        return fail(EPROTO, "the manager's status is no JSON");
    try {
        std::error_code unknown;
        const auto directory = status.value("key_dir", "");
        if (!directory.empty() && !std::filesystem::equivalent(directory, key_directory(common), unknown))
            check_keys(directory, findings);
        check_manager(status, findings);
    } catch (const Json::exception& odd) {
        return fail(EPROTO, "the manager's status is not one that this program knows: {}", odd.what());
    }
    return {};
}

std::string table_of(const Findings& findings) {
    Table table({{"VERDICT"}, {"ABOUT"}, {"WHAT"}});
    for (const auto& [is_wrong, about, sentence] : findings)
        table.add({is_wrong ? "wrong" : "note", about, sentence});
    return table.text();
}

std::string json_of(const Findings& findings) {
    auto array = Json::array();
    for (const auto& [is_wrong, about, sentence] : findings)
        array.push_back(Json{{"wrong", is_wrong}, {"about", about}, {"what", sentence}});
    return text(array);
}

}  // namespace

Result<ExitStatus> audit(const Common& common) {
    Findings findings;
    check_keys(key_directory(common), findings);
    TRY(look_at_manager(common, findings));
    const auto wrong =
        std::count_if(findings.begin(), findings.end(), [](const auto& one) { return one.is_wrong; });
    TRY(print(common.json ? json_of(findings) : table_of(findings)));
    return wrong == 0 ? kExitSuccess : kExitFailure;
}

}  // namespace pmemckpt::ctl
