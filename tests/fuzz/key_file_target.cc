// Key files, former ones, and who they are of.
//
// input: a name, behind its length; the bytes of the file, which is taken for either kind
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "lib/base/handle.hh"
#include "lib/base/keys.hh"
#include "lib/wire/codec.hh"
#include "lib/wire/handshake.hh"
#include "tests/fuzz/input.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_key(const std::string& name, std::string_view text, const std::string& suffix = ".key") {
    const auto path = fmt::format("{}/{}{}", fuzz::scratch(), name, suffix);
    const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    CHECK(file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

/// The digits of a key, without what may stand between them.
std::string digits_of(std::string_view text) {
    std::string digits;
    for (const unsigned char c : text)
        if (c != '\n')
            digits += static_cast<char>(std::tolower(c));
    return digits;
}

/// Nothing that it names lies anywhere else.
void check_name(std::string_view name) {
    const auto status = check_principal(name);
    if (!status) {
        test::error(status, EINVAL);
        test::error(load_key(fuzz::scratch(), name), EINVAL);
        return;
    }
    CHECK(!name.empty() && name.size() <= 64 && name[0] != '.' && name[0] != '-');
    CHECK(name.find_first_of(std::string_view("/\0\n ", 4)) == std::string_view::npos);
    CHECK(!wire::is_key_name_of_service(name) || name.starts_with("pool-") ||
          name.starts_with("participant-"));
}

void check_file(std::string_view text) {
    const auto parsed = Key::parse(text);
    CHECK(!parsed || parsed->hexadecimal() == digits_of(text));
    write_key("fuzzed", text);
    const auto loaded = load_key(fuzz::scratch(), "fuzzed");
    if (!loaded)
        test::error(loaded, EBADMSG);
    else
        CHECK(loaded->hexadecimal() == digits_of(text));
    CHECK(text.size() > 2 * Key::kBytes + 1 || parsed.has_value() == loaded.has_value());
}

/// Digits, and until when: all of it, or it is an error.
void check_former_file(std::string_view text) {
    constexpr std::size_t kDigits = 2 * Key::kBytes;
    test::ok(store_key(fuzz::scratch(), "alice", Key(), true));
    write_key("alice", text, ".key.former");
    const auto loaded = load_valid_keys(fuzz::scratch(), "alice");
    if (!loaded) {
        test::error(loaded, EBADMSG);
        return;
    }
    CHECK(text.substr(std::min(kDigits, text.size())).starts_with("\nuntil ") && text.ends_with('\n'));
    CHECK(!loaded->former || loaded->former->hexadecimal() == digits_of(text.substr(0, kDigits)));
}

void run(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    check_name(text_of(input.piece_with_length()));
    const auto text = text_of(input.rest());
    check_file(text);
    check_former_file(text);
}

fuzz::Bytes input_of(const std::string& name, std::string_view text) {
    wire::Encoder input;
    input(name);
    input.append(std::as_bytes(std::span(text)));
    return input.bytes();
}

std::vector<fuzz::Seed> seeds() {
    const auto key = Key::random().hexadecimal();
    return {{"good", input_of("alice", key + "\n")},
            {"without-newline", input_of("a.b_c-d@e", key)},
            {"too-long", input_of("../alice", key + key)},
            {"former", input_of("alice", key + "\nuntil 9999999999\n")},
            {"former-and-over", input_of("alice", key + "\nuntil 12\n")},
            {"pools-own", input_of("pool-11223344-0506-0708-090a-0b0c0d0e0f10", "no key")}};
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds};
