#pragma once
// Key files: 32 secret bytes, as 64 hexadecimal digits and a newline, mode 0600. See pmemckpt.7.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hh"

namespace pmemckpt {

/// A secret; wiped when it goes out of scope.
class Key {
public:
    static constexpr std::size_t kBytes = 32;
    static Key random();
    static Result<Key> parse(std::string_view hexadecimal);
    static Key from(const std::array<unsigned char, kBytes>& bytes);

    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();

    std::string hexadecimal() const;
    /// In constant time.
    bool operator==(const Key& other) const;
    const std::array<unsigned char, kBytes>& bytes() const { return bytes_; }

private:
    std::array<unsigned char, kBytes> bytes_{};
};

using PublicKey = std::array<std::uint8_t, 32>;  ///< Ed25519
/// The public part of a pool's or a participant's key, whose 32 bytes are the seed.
PublicKey public_key(const Key& key);

/// Letters, digits, '.', '_', '-', '@'; 1 to 64 of them; doesn't start with '.' or '-'. EINVAL otherwise.
Status check_principal(std::string_view name);

/// DIRECTORY/NAME.key. ENOENT when there is none; EPERM when others than its owner may read it (the message
/// has the chmod line); EBADMSG when it holds no key.
Result<Key> load_key(const std::string& directory, std::string_view name);

/// A principal's keys while one takes the place of the other: NAME.key, and what NAME.key.former holds as
/// long as its time is not over.
struct ValidKeys {
    Key present;
    std::optional<Key> former;
};
/// As load_key(); what is wrong with a former key is an error, too.
Result<ValidKeys> load_valid_keys(const std::string& directory, std::string_view name);

/// `key` takes the place of NAME.key, which stays valid, as NAME.key.former, for so many seconds; 0: not at
/// all. A cut leaves the old key valid, or both. ENOENT when there is none. Returns the file's path.
Result<std::string> rotate_key(const std::string& directory, std::string_view name, const Key& key,
                               std::uint64_t overlap_s);
/// Both are gone, durably, whatever they were like. Whether there was a NAME.key.
Result<bool> remove_key(const std::string& directory, std::string_view name);

/// Writes DIRECTORY/NAME.key, by root for the directory's owner (made with its parents, mode 0700, when
/// missing). EEXIST when it is there and not `replace`, which ends the validity of a former key as well. The
/// file is complete and on disk before it has its name, and its name is on disk when this returns. Returns
/// the file's path.
Result<std::string> store_key(const std::string& directory, std::string_view name, const Key& key,
                              bool replace = false);

/// DIRECTORY/TO.key is what DIRECTORY/FROM.key was, in one step that is on disk when this returns.
Status rename_key(const std::string& directory, std::string_view from, std::string_view to);

/// DIRECTORY/NAME.key, for sentences.
std::string key_path(const std::string& directory, std::string_view name);

/// The name of a pool's manager key: "pool-UUID".
std::string pool_key_name(std::string_view uuid);
/// The name that a pool's next manager key has until the pool was given it.
std::string next_pool_key_name(std::string_view uuid);
inline constexpr std::string_view kNextKeySuffix = ".next";

/// $PMEMCKPT_PRINCIPAL, else the login name; empty when this process's user has none: it must be given, then.
std::string default_principal();

/// $PMEMCKPT_KEY_DIR, else /etc/pmemckpt/keys.
std::string default_key_directory();

}  // namespace pmemckpt
