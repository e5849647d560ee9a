#include "fuse/options.hh"

#include <getopt.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "lib/base/keys.hh"

namespace pmemckpt::view {

namespace {

Status take_text(std::string& into, std::string_view word, std::string_view value) {
    if (value.empty())
        return fail(EINVAL, "-o {}= has no value", word);
    into = value;
    return {};
}

Status take_pool(MountOptions& options, std::string_view value) {
    return take_text(options.client.pool, "pool", value);
}

Status take_principal(MountOptions& options, std::string_view value) {
    if (auto good = check_principal(value); !good)
        return fail(EINVAL, "-o principal={}: {}", value, good.error().message);
    options.client.principal = value;
    return {};
}

Status take_key_dir(MountOptions& options, std::string_view value) {
    return take_text(options.client.key_dir, "key-dir", value);
}

Status take_transport(MountOptions& options, std::string_view value) {
    if (value != "auto" && value != "iwarp" && value != "verbs")
        return fail(EINVAL, "-o transport={}: it is auto, iwarp or verbs", value);
    options.client.transport = value;
    return {};
}

Status take_timeout(MountOptions& options, std::string_view value) {
    unsigned timeout_ms = 0;
    const auto [end, status] = std::from_chars(value.data(), value.data() + value.size(), timeout_ms);
    if (status != std::errc() || end != value.data() + value.size() || timeout_ms == 0 ||
        timeout_ms > kMaximumTimeoutMs)
        return fail(EINVAL, "-o timeout={}: it is a number of milliseconds from 1 to {}", value,
                    kMaximumTimeoutMs);
    options.client.timeout_ms = timeout_ms;
    return {};
}

Status take_confine(MountOptions& options, std::string_view value) {
    const auto mode = confine::parse_mode(value);
    if (!mode)
        return fail(EINVAL, "-o confine={}: it is on, off or log", value);
    options.confine = *mode;
    return {};
}

struct ValueWord {
    std::string_view name;
    Status (*take)(MountOptions&, std::string_view value);
};
constexpr std::array kValueWords = std::to_array<ValueWord>({
    {"pool", take_pool},
    {"principal", take_principal},
    {"key-dir", take_key_dir},
    {"key_dir", take_key_dir},
    {"transport", take_transport},
    {"timeout", take_timeout},
    {"confine", take_confine},
});

struct FlagWord {
    std::string_view name;
    bool MountOptions::*flag;
    bool value;
};
constexpr std::array kFlagWords = std::to_array<FlagWord>({
    {"allow_other", &MountOptions::allow_other, true},
    {"noexec", &MountOptions::noexec, true},
    {"exec", &MountOptions::noexec, false},
});

// What fstab(5) and mount(8) have for every file system. The view is always read-only, nosuid, nodev and
// without access times, so those words change nothing; mount(8) gives "rw" when nobody asked for anything.
constexpr std::array<std::string_view, 36> kIgnoredWords = {
    "ro",         "rw",          "defaults",      "auto",     "noauto",     "user",
    "nouser",     "users",       "owner",         "group",    "nofail",     "_netdev",
    "suid",       "nosuid",      "dev",           "nodev",    "async",      "sync",
    "dirsync",    "atime",       "noatime",       "diratime", "nodiratime", "relatime",
    "norelatime", "strictatime", "nostrictatime", "lazytime", "nolazytime", "mand",
    "nomand",     "iversion",    "noiversion",    "silent",   "loud",       "nosymfollow",
};
constexpr std::array<std::string_view, 6> kIgnoredPrefixes = {
    "x-", "X-", "comment=", "user=", "uhelper=", "helper="};

bool is_ignored(std::string_view word) {
    return std::find(kIgnoredWords.begin(), kIgnoredWords.end(), word) != kIgnoredWords.end() ||
           std::any_of(kIgnoredPrefixes.begin(), kIgnoredPrefixes.end(),
                       [word](std::string_view prefix) { return word.starts_with(prefix); });
}

Status unknown_word(const MountOptions& options, std::string_view word) {
    if (word == "remount")
        return fail(EINVAL, "-o remount: a mounted view can't be changed; unmount it and mount it again");
    if (options.sloppy)
        return {};
    return fail(EINVAL, "-o {}: there is no such option; mount.pmemckpt --help lists them", word);
}

Status take_word(MountOptions& options, std::string_view word) {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    for (const auto& known : kValueWords)
        if (known.name == name) {
            if (equals == std::string_view::npos)
                return fail(EINVAL, "-o {} needs a value: {}=...", name, name);
            return known.take(options, word.substr(equals + 1));
        }
    for (const auto& known : kFlagWords)
        if (known.name == word) {
            options.*known.flag = known.value;
            return {};
        }
    return is_ignored(word) ? Status{} : unknown_word(options, word);
}

Status take_words(MountOptions& options, std::string_view words) {
    while (!words.empty()) {
        const auto word = words.substr(0, words.find(','));
        words.remove_prefix(std::min(words.size(), word.size() + 1));
        if (!word.empty())
            TRY(take_word(options, word));
    }
    return {};
}

constexpr int kForeground = 256;  // beyond the letters
constexpr char kLetters[] = ":o:t:N:sfnvrwhV";
constexpr std::array kLongOptions = std::to_array<option>({
    {"foreground", no_argument, nullptr, kForeground},
    {"fake", no_argument, nullptr, 'f'},
    {"verbose", no_argument, nullptr, 'v'},
    {"help", no_argument, nullptr, 'h'},
    {"version", no_argument, nullptr, 'V'},
    {nullptr, 0, nullptr, 0},
});

Status take_letter(MountOptions& options, std::vector<std::string>& words, int letter, const char* wrong) {
    switch (letter) {
        case 'o': words.emplace_back(optarg); return {};
        case 's': options.sloppy = true; return {};
        case 'f': options.fake = true; return {};
        case 'v': options.verbose = true; return {};
        case 'h': options.help = true; return {};
        case 'V': options.version = true; return {};
        case kForeground: options.foreground = true; return {};
        case 'n':
        case 'r':
        case 'w':
        case 't': return {};  // of mount(8); nothing here depends on them
        case 'N': return fail(EINVAL, "-N {}: enter the namespace with nsenter(1) and mount there", optarg);
        case ':': return fail(EINVAL, "{} needs a value", wrong);
        default: return fail(EINVAL, "{}: there is no such option; see mount.pmemckpt --help", wrong);
    }
}

// "-z" of "-fz" is all that getopt tells of a letter; of a long option, its word.
std::string wrong_option(const std::vector<char*>& argv) {
    if (optopt > 0 && optopt < kForeground)
        return {'-', static_cast<char>(optopt)};
    return argv[static_cast<std::size_t>(optind - 1)];
}

Status take_positions(MountOptions& options, const std::vector<char*>& argv) {
    const auto first = static_cast<std::size_t>(optind);
    const auto count = argv.size() - 1 - first;
    if (count != 2)
        return fail(EINVAL, "{}; use: mount.pmemckpt HOST[:PORT]:/[POOL] MOUNTPOINT [-o OPTIONS]",
                    count == 0   ? std::string("the source and the mount point are missing")
                    : count == 1 ? fmt::format("\"{}\" stands alone: a source and a mount point are needed",
                                               argv[first])
                                 : fmt::format("\"{}\" is one argument too many", argv[first + 2]));
    options.source = argv[first];
    options.mount_point = argv[first + 1];
    auto name = TRY(parse_source(options.source));
    if (!name.pool.empty() && !options.client.pool.empty() && name.pool != options.client.pool)
        return fail(EINVAL, "two pools are named: {} in \"{}\" and {} in -o pool=", name.pool, options.source,
                    options.client.pool);
    options.client.server = std::move(name.server);
    if (!name.pool.empty())
        options.client.pool = std::move(name.pool);
    if (options.mount_point.empty())
        return fail(EINVAL, "the mount point is empty");
    return {};
}

}  // namespace

Result<RemoteName> parse_source(std::string_view text) {
    const auto cut = text.rfind(":/");
    if (cut == std::string_view::npos || cut == 0)
        return fail(EINVAL, "\"{}\" is not a source: write HOST[:PORT]:/[POOL]", text);
    RemoteName name{std::string(text.substr(0, cut)), std::string(text.substr(cut + 2))};
    const auto address = TRY(parse_address(name.server));
    if (address.host.empty() || address.port == 0)
        return fail(EINVAL, "\"{}\" is not a source: it has no {}", text,
                    address.host.empty() ? "host" : "port");
    if (name.pool.find('/') != std::string::npos)
        return fail(EINVAL, "\"{}\" is not a source: a pool's name has no slash", text);
    return name;
}

Result<MountOptions> parse_options(std::vector<std::string> arguments) {
    MountOptions options;
    std::vector<std::string> words;
    std::string program = "mount.pmemckpt";
    std::vector<char*> argv{program.data()};
    for (auto& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);

    optind = 0;  // glibc: start anew
    opterr = 0;
    for (int letter; (letter = getopt_long(static_cast<int>(argv.size() - 1), argv.data(), kLetters,
                                           kLongOptions.data(), nullptr)) != -1;)
        TRY(take_letter(options, words, letter, wrong_option(argv).c_str()));
    if (options.help || options.version)
        return options;
    for (const auto& list : words)
        TRY(take_words(options, list));
    TRY(take_positions(options, argv));
    return options;
}

std::string help_text() {
    return fmt::format(
        "Usage: mount.pmemckpt HOST[:PORT]:/[POOL] MOUNTPOINT [-o OPTION,...]\n"
        "       mount -t pmemckpt HOST[:PORT]:/[POOL] MOUNTPOINT [-o OPTION,...]\n"
        "Shows the sealed generations of a pool as read-only files.\n"
        "\n"
        "Options after -o:\n"
        "  pool=NAME         the pool's name or UUID; also after the source's slash\n"
        "  principal=NAME    who to be; $PMEMCKPT_PRINCIPAL, else the login name\n"
        "  key-dir=DIR       where the keys are; $PMEMCKPT_KEY_DIR, else /etc/pmemckpt/keys\n"
        "  transport=NAME    auto, iwarp or verbs\n"
        "  timeout=MS        to connect, and for a request; {} unless given\n"
        "  confine=MODE      on, off or log: whether rights and system calls are given up that are not\n"
        "                    needed once it is mounted; log lets such calls through and names them\n"
        "  allow_other       other users may look, too\n"
        "  noexec            nothing there is executed\n"
        "  ro, _netdev, nofail, noauto, user, x-... and what else fstab has: accepted\n"
        "\n"
        "  --foreground      stay in the foreground; messages go to stderr\n"
        "  -f, --fake        check everything, mount nothing\n"
        "  -s                ignore options that are not known\n"
        "  -v, --verbose     say more\n"
        "  -n, -r, -w, -t TYPE  accepted, as mount(8) gives them; the view is always read-only\n"
        "  -h, --help        this text\n"
        "  -V, --version     the version\n",
        client::Options{}.timeout_ms);
}

}  // namespace pmemckpt::view
