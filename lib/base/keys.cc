#include "lib/base/keys.hh"

#include <fcntl.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <vector>

#include "lib/base/handle.hh"

namespace pmemckpt {

namespace {

Status write_whole(const FileDescriptor& file, std::string_view text, const std::string& path) {
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return fail_errno(errno ? errno : EIO, "can't write {}", path);
    if (::fsync(file.get()) != 0)
        return fail_errno(errno, "can't bring {} to disk", path);
    return {};
}

Status sync_directory(const std::string& directory) {
    const FileDescriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Some file systems can't, and say EINVAL; they have no other way either.
    if (!opened || (::fsync(opened.get()) != 0 && errno != EINVAL))
        return fail_errno(errno, "can't bring the key directory {} to disk", directory);
    return {};
}

tl::unexpected<Error> missing_key(int code, const std::string& path, std::string_view name) {
    if (code != ENOENT)
        return fail_errno(code, "can't open key {}", path);
    if (name.starts_with("pool-"))
        return fail(code, "there is no key {}: it was made with the pool, bring it back from a copy", path);
    return fail(code,
                "there is no key {}: copy it from the pmem host, or make a new one there with pmemckpt-ctl "
                "create-key",
                path);
}

/// Empty when this process's user has no name.
std::string login_name() {
    constexpr std::size_t kRoom = 16 * 1024;  // _SC_GETPW_R_SIZE_MAX is a hint, and smaller
    std::vector<char> room(kRoom);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::geteuid(), &entry, room.data(), room.size(), &found) != 0 || !found)
        return {};
    return entry.pw_name;
}

}  // namespace

Key Key::random() {
    require(sodium_init() >= 0, "libsodium starts");
    Key key;
    randombytes_buf(key.bytes_.data(), kBytes);
    return key;
}

Key Key::from(const std::array<unsigned char, kBytes>& bytes) {
    Key key;
    key.bytes_ = bytes;
    return key;
}

Result<Key> Key::parse(std::string_view hexadecimal) {
    Key key;
    std::size_t length = 0;
    const char* end = nullptr;
    // To libsodium a NUL is one of the characters that are passed over, whichever those are.
    const bool good = hexadecimal.find('\0') == std::string_view::npos &&
                      sodium_hex2bin(key.bytes_.data(), kBytes, hexadecimal.data(), hexadecimal.size(), "\n",
                                     &length, &end) == 0;
    if (!good || length != kBytes || end != hexadecimal.data() + hexadecimal.size())
        return fail(EBADMSG, "it does not hold a key of {} hexadecimal digits", 2 * kBytes);
    return key;
}

PublicKey public_key(const Key& key) {
    require(sodium_init() >= 0, "libsodium starts");
    PublicKey open{};
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
    crypto_sign_seed_keypair(open.data(), secret.data(), key.bytes().data());
    sodium_memzero(secret.data(), secret.size());
    return open;
}

Key::~Key() {
    sodium_memzero(bytes_.data(), kBytes);
}

std::string Key::hexadecimal() const {
    std::string text(2 * kBytes + 1, '\0');
    sodium_bin2hex(text.data(), text.size(), bytes_.data(), kBytes);
    text.pop_back();
    return text;
}

bool Key::operator==(const Key& other) const {
    return sodium_memcmp(bytes_.data(), other.bytes_.data(), kBytes) == 0;
}

Status check_principal(std::string_view name) {
    const auto allowed = [](unsigned char c) {
        return std::isalnum(c) ||
               std::string_view("._-@").find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (name.empty() || name.size() > 64 || name[0] == '.' || name[0] == '-' ||
        !std::all_of(name.begin(), name.end(), allowed))
        return fail(EINVAL, "\"{}\" can't name a principal: 1 to 64 letters, digits, '.', '_', '-' or '@'",
                    name);
    return {};
}

namespace {

/// To the end of the file, or what there is room for: a file system may give less at a time.
Result<std::size_t> read_up_to(const FileDescriptor& file, std::span<char> into) {
    std::size_t length = 0;
    while (length < into.size()) {
        const auto got = ::read(file.get(), into.data() + length, into.size() - length);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return fail_errno(errno, "read");
        length += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return length;
}

}  // namespace

namespace {

/// A key's digits, and what follows them; wiped when it goes.
struct Secret {
    std::array<char, 2 * Key::kBytes + 64> text{};
    std::size_t length = 0;
    ~Secret() { sodium_memzero(text.data(), text.size()); }
    Secret() = default;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    std::string_view view() const { return {text.data(), length}; }
};

/// ENOENT; EPERM when others may read it.
Status read_private_file(const std::string& path, std::string_view name, Secret& secret) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file)
        return missing_key(errno, path, name);
    struct stat attributes {};
    if (::fstat(file.get(), &attributes) != 0)
        return fail_errno(errno, "can't look at {}", path);
    if (!S_ISREG(attributes.st_mode))
        return fail(EINVAL, "key {} is no file that holds anything: remove it", path);
    if ((attributes.st_mode & 0077) != 0)
        return fail(EPERM, "key {} may be read by others (mode {:04o}): chmod 600 {}", path,
                    attributes.st_mode & 07777, path);
    const auto length = read_up_to(file, secret.text);
    if (!length)
        return fail_errno(length.error().code, "can't read key {}", path);
    if (*length == secret.text.size())
        return fail(EBADMSG, "key {} can't be used: it has {} bytes or more, and a key has {} digits", path,
                    *length, 2 * Key::kBytes);
    secret.length = *length;
    return {};
}

Result<Key> parse_key(const std::string& path, std::string_view text) {
    auto key = Key::parse(text);
    if (!key)
        return fail(key.error().code, "key {} can't be used: {}", path, key.error().message);
    return key;
}

std::string former_path(const std::string& directory, std::string_view name) {
    return key_path(directory, name) + ".former";
}

std::int64_t now_s() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// Digits, newline, "until", a blank, seconds since 1970, newline. Nothing once that time is over.
Result<std::optional<Key>> load_former_key(const std::string& directory, std::string_view name) {
    constexpr std::string_view kUntil = "\nuntil ";
    const auto path = former_path(directory, name);
    Secret secret;
    if (auto read = read_private_file(path, name, secret); !read) {
        if (read.error().code == ENOENT)
            return std::nullopt;
        return tl::unexpected<Error>(std::move(read).error());
    }
    const auto text = secret.view();
    const auto digits = text.substr(0, 2 * Key::kBytes);
    auto rest = text.substr(digits.size());
    std::int64_t until_s = 0;
    if (rest.starts_with(kUntil)) {
        rest.remove_prefix(kUntil.size());
        const auto [end, wrong] = std::from_chars(rest.data(), rest.data() + rest.size(), until_s);
        if (wrong == std::errc() && std::string_view(end, rest.data() + rest.size()) == "\n") {
            if (until_s <= now_s())
                return std::nullopt;
            return TRY(parse_key(path, digits));
        }
    }
    return fail(EBADMSG, "key {} does not say until when it is valid: remove it", path);
}

/// The manager may be another user, who has the directory: what root puts there is to be his as well.
Status give_to_owner_of(const std::string& directory, const FileDescriptor& file) {
    if (::geteuid() != 0)
        return {};
    struct stat attributes {};
    if (::stat(directory.c_str(), &attributes) != 0)
        return fail_errno(errno, "can't look at the key directory {}", directory);
    if (attributes.st_uid != 0 && ::fchown(file.get(), attributes.st_uid, attributes.st_gid) != 0)
        return fail_errno(errno, "can't give a key to the owner of {}", directory);
    return {};
}

/// A file with this text has its name, or there is none: it is on disk before. `replace`: whatever was there.
Status put_private_file(const std::string& directory, std::string_view name, const std::string& path,
                        std::string_view text, bool replace) {
    const auto draft = fmt::format("{}/.{}.{}.new", directory, name, ::getpid());
    ::unlink(draft.c_str());
    const FileDescriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file)
        return fail_errno(errno, "can't create {}", draft);
    auto written = give_to_owner_of(directory, file);
    if (written)
        written = write_whole(file, text, draft);
    const auto give_name = [&] {
        return replace ? ::rename(draft.c_str(), path.c_str()) : ::link(draft.c_str(), path.c_str());
    };
    if (written && give_name() != 0)
        written = fail_errno(errno, "can't create key {}", path);
    ::unlink(draft.c_str());
    return written;
}

Result<std::string> put_key(const std::string& directory, std::string_view name, const Key& key,
                            bool replace) {
    auto path = key_path(directory, name);
    TRY(put_private_file(directory, name, path, key.hexadecimal() + "\n", replace));
    TRY(sync_directory(directory));
    return path;
}

/// Whether there was one.
Result<bool> remove_file(const std::string& path) {
    if (::unlink(path.c_str()) == 0)
        return true;
    if (errno == ENOENT)
        return false;
    return fail_errno(errno, "can't remove key {}", path);
}

}  // namespace

Result<Key> load_key(const std::string& directory, std::string_view name) {
    TRY(check_principal(name));
    const auto path = key_path(directory, name);
    Secret secret;
    TRY(read_private_file(path, name, secret));
    return parse_key(path, secret.view());
}

Result<ValidKeys> load_valid_keys(const std::string& directory, std::string_view name) {
    auto present = TRY(load_key(directory, name));
    return ValidKeys{std::move(present), TRY(load_former_key(directory, name))};
}

Result<std::string> store_key(const std::string& directory, std::string_view name, const Key& key,
                              bool replace) {
    TRY(check_principal(name));
    std::error_code status;
    if (std::filesystem::create_directories(directory, status))
        ::chmod(directory.c_str(), 0700);
    if (status)
        return fail_errno(status.value(), "can't make the key directory {}", directory);
    if (!replace && ::access(key_path(directory, name).c_str(), F_OK) == 0)
        return fail(EEXIST, "there is a key {} already", key_path(directory, name));
    // On disk before the new one is: who is to be kept out has none that is valid.
    if (TRY(remove_file(former_path(directory, name))))
        TRY(sync_directory(directory));
    return put_key(directory, name, key, replace);
}

Result<std::string> rotate_key(const std::string& directory, std::string_view name, const Key& key,
                               std::uint64_t overlap_s) {
    const auto present = TRY(load_key(directory, name));
    const auto former = former_path(directory, name);
    const auto text =
        fmt::format("{}\nuntil {}\n", present.hexadecimal(), now_s() + static_cast<std::int64_t>(overlap_s));
    // Cut before the second one: the present key is its own former one, and valid all the same.
    TRY(put_private_file(directory, name, former, text, true));
    TRY(sync_directory(directory));
    return put_key(directory, name, key, true);
}

Result<bool> remove_key(const std::string& directory, std::string_view name) {
    TRY(check_principal(name));
    // The former one first: alone it is no key.
    TRY(remove_file(former_path(directory, name)));
    const bool was_there = TRY(remove_file(key_path(directory, name)));
    TRY(sync_directory(directory));
    return was_there;
}

Status rename_key(const std::string& directory, std::string_view from, std::string_view to) {
    const auto before = key_path(directory, from), after = key_path(directory, to);
    if (::rename(before.c_str(), after.c_str()) != 0)
        return fail_errno(errno, "can't give key {} the name {}", before, after);
    return sync_directory(directory);
}

std::string key_path(const std::string& directory, std::string_view name) {
    return fmt::format("{}/{}.key", directory, name);
}

std::string pool_key_name(std::string_view uuid) {
    return fmt::format("pool-{}", uuid);
}

std::string next_pool_key_name(std::string_view uuid) {
    return pool_key_name(uuid) + std::string(kNextKeySuffix);
}

std::string default_principal() {
    const char* value = std::getenv("PMEMCKPT_PRINCIPAL");
    return value && *value ? value : login_name();
}

std::string default_key_directory() {
    const char* directory = std::getenv("PMEMCKPT_KEY_DIR");
    return directory && *directory ? directory : "/etc/pmemckpt/keys";
}

}  // namespace pmemckpt
