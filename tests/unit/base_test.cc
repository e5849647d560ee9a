// lib/base: sizes, ranges, checksums, addresses, key files, exit statuses.
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "lib/base/address.hh"
#include "lib/base/crc32c.hh"
#include "lib/base/exit_status.hh"
#include "lib/base/keys.hh"
#include "lib/base/units.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;

namespace {

void sizes_are_read() {
    test::equal(test::ok(parse_size("0")), 0U);
    test::equal(test::ok(parse_size("4096")), 4096U);
    test::equal(test::ok(parse_size("64K")), 64 * kKiB);
    test::equal(test::ok(parse_size("2MiB")), 2 * kMiB);
    test::equal(test::ok(parse_size("16T")), 16 * kTiB);
    test::equal(test::ok(parse_size("18446744073709551615")), UINT64_MAX);
    for (const char* bad : {"", "K", "1X", "1KK", "-1", "1.5G", "0x10", " 1", "1 "})
        test::error(parse_size(bad), EINVAL);
    for (const char* large : {"18446744073709551616", "16777216T", "99999999999999999999999G"})
        test::error(parse_size(large), ERANGE);
}

void ranges_never_wrap() {
    CHECK(fits({{0}, {16}}, {16}));
    CHECK(!fits({{1}, {16}}, {16}));
    CHECK(!fits({{UINT64_MAX}, {2}}, {16}));
    CHECK(!fits({{17}, {0}}, {16}));
    CHECK(fits({{0}, {UINT64_MAX}}, {UINT64_MAX}));
}

std::span<const std::byte> text_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

void checksum_is_castagnoli() {
    test::equal(crc32c(text_bytes("123456789")), 0xe3069283U);
    test::equal(crc32c({}), 0U);
    // RFC 3720, B.4: 32 bytes of zeros, and of ones.
    test::equal(crc32c(std::vector<std::byte>(32, std::byte{0})), 0x8a9136aaU);
    test::equal(crc32c(std::vector<std::byte>(32, std::byte{0xff})), 0x62a8ab43U);
}

void checksums_of_pieces_combine() {
    for (int round = 0; round < 50; ++round) {
        const auto bytes = test::random_bytes(1 + test::generator()() % 5000);
        const auto whole = std::span<const std::byte>(bytes);
        const auto cut = test::generator()() % (bytes.size() + 1);
        const auto first = whole.first(cut), second = whole.subspan(cut);
        test::equal(crc32c(second, crc32c(first)), crc32c(whole));
        test::equal(crc32c_combine(crc32c(first), crc32c(second), second.size()), crc32c(whole));
    }
}

void addresses_are_read() {
    const auto plain = test::ok(parse_address("host"));
    test::equal(plain.host, "host");
    test::equal(plain.port, kDefaultPort);
    test::equal(test::ok(parse_address("10.0.0.1:5")).port, 5);
    test::equal(test::ok(parse_address(":0")).host, "");
    const auto ipv6 = test::ok(parse_address("[::1]:7000"));
    test::equal(ipv6.host, "::1");
    test::equal(format_address(ipv6), "[::1]:7000");
    for (const char* bad : {"host:", "host:x", "host:70000", "[::1", "[::1]x", "host:1:2"})
        test::error(parse_address(bad), EINVAL);
}

void keys_come_back() {
    const auto folder = (test::directory() / "a" / "keys").string();
    const auto key = Key::random();
    CHECK(key.bytes() != Key::random().bytes());
    const auto path = test::ok(store_key(folder, "alice", key));
    CHECK(test::ok(load_key(folder, "alice")).bytes() == key.bytes());
    struct stat attributes {};
    CHECK(::stat(path.c_str(), &attributes) == 0 && (attributes.st_mode & 07777) == 0600);
    test::error(store_key(folder, "alice", Key::random()), EEXIST);
    CHECK(test::ok(load_key(folder, "alice")).bytes() == key.bytes());
    test::ok(store_key(folder, "alice", Key::random(), true));
    CHECK(test::ok(load_key(folder, "alice")).bytes() != key.bytes());
    // In place of one that was removed, the one before a rotation is of no use, either.
    test::ok(rotate_key(folder, "alice", Key::random(), 60));
    std::filesystem::remove(path);
    test::ok(store_key(folder, "alice", key));
    CHECK(!test::ok(load_valid_keys(folder, "alice")).former);
}

void unsafe_keys_are_refused() {
    const auto folder = test::directory().string();
    const auto path = test::ok(store_key(folder, "alice", Key::random()));
    ::chmod(path.c_str(), 0640);
    test::contains(test::error(load_key(folder, "alice"), EPERM), "chmod 600 " + path);
    ::chmod(path.c_str(), 0600);
    for (const char* content :
         {"", "12", "zz", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00"}) {
        std::ofstream(path, std::ios::trunc) << content;
        test::contains(test::error(load_key(folder, "alice"), EBADMSG), path);
    }
    test::contains(test::error(load_key(folder, "bob"), ENOENT), "create-key");
    const auto queue = folder + "/queue.key";
    CHECK(::mkfifo(queue.c_str(), 0600) == 0);
    test::contains(test::error(load_key(folder, "queue"), EINVAL), "is no file");
    for (const char* name : {"", "../alice", ".hidden", "-x", "a/b", "a b"})
        test::error(load_key(folder, name), EINVAL);
}

void keys_are_rotated() {
    const auto folder = test::directory().string();
    const auto first = Key::random(), second = Key::random(), third = Key::random();
    test::error(rotate_key(folder, "alice", second, 60), ENOENT);
    const auto path = test::ok(store_key(folder, "alice", first));
    CHECK(!test::ok(load_valid_keys(folder, "alice")).former);
    test::equal(test::ok(rotate_key(folder, "alice", second, 60)), path);
    auto valid = test::ok(load_valid_keys(folder, "alice"));
    CHECK(valid.present == second && valid.former == first);
    CHECK(test::ok(load_key(folder, "alice")) == second);
    // The one before the former one is nothing any more, and without a time the former one is not, either.
    test::ok(rotate_key(folder, "alice", third, 0));
    valid = test::ok(load_valid_keys(folder, "alice"));
    CHECK(valid.present == third && !valid.former);

    test::ok(rotate_key(folder, "alice", first, 60));
    const auto former = path + ".former";
    ::chmod(former.c_str(), 0640);
    test::contains(test::error(load_valid_keys(folder, "alice"), EPERM), "chmod 600 " + former);
    ::chmod(former.c_str(), 0600);
    for (const std::string end :
         {"", "\n", "\nuntil \n", "\nuntil x\n", "\nuntil 99999999999", "\nuntil 99999999999\nx"}) {
        std::ofstream(former, std::ios::trunc) << first.hexadecimal() << end;
        test::contains(test::error(load_valid_keys(folder, "alice"), EBADMSG), former);
    }
    std::ofstream(former, std::ios::trunc) << first.hexadecimal() << "\nuntil 99999999999\n";
    CHECK(test::ok(load_valid_keys(folder, "alice")).former == first);
    std::ofstream(former, std::ios::trunc) << first.hexadecimal() << "\nuntil 1000000000\n";
    CHECK(!test::ok(load_valid_keys(folder, "alice")).former);

    CHECK(test::ok(remove_key(folder, "alice")));
    CHECK(!std::filesystem::exists(former));
    test::error(load_valid_keys(folder, "alice"), ENOENT);
    CHECK(!test::ok(remove_key(folder, "alice")));
}

// Who makes a new one because the old one was lost keeps out who has that one, or the one before.
void a_new_key_is_the_only_one() {
    const auto folder = test::directory().string();
    const auto first = Key::random(), second = Key::random(), third = Key::random();
    test::ok(store_key(folder, "alice", first));
    test::ok(rotate_key(folder, "alice", second, 60));
    test::ok(store_key(folder, "alice", third, true));
    const auto valid = test::ok(load_valid_keys(folder, "alice"));
    CHECK(valid.present == third && !valid.former);
    ::chmod(key_path(folder, "alice").c_str(), 0644);  // be it of no use any more
    CHECK(test::ok(remove_key(folder, "alice")));
}

void failures_have_their_status() {
    test::equal(exit_status(0), 0);
    test::equal(exit_status(EINVAL), 2);
    test::equal(exit_status(ENOENT), 3);
    test::equal(exit_status(EBUSY), 4);
    test::equal(exit_status(ENOSPC), 5);
    test::equal(exit_status(ECONNRESET), 6);
    test::equal(exit_status(EUCLEAN), 7);
    test::equal(exit_status(EKEYREJECTED), 8);
    test::equal(exit_status(ESTALE), 8);
    test::equal(exit_status(ENOMEM), 1);
}

}  // namespace

int main() {
    return test::run("base", {{"sizes are read", sizes_are_read},
                              {"ranges never wrap", ranges_never_wrap},
                              {"the checksum is Castagnoli's", checksum_is_castagnoli},
                              {"checksums of pieces combine", checksums_of_pieces_combine},
                              {"addresses are read", addresses_are_read},
                              {"keys come back", keys_come_back},
                              {"unsafe keys are refused", unsafe_keys_are_refused},
                              {"keys are rotated", keys_are_rotated},
                              {"a new key is the only one", a_new_key_is_the_only_one},
                              {"failures have their exit status", failures_have_their_status}});
}
