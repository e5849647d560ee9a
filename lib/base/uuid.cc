#include "lib/base/uuid.hh"

#include <sodium.h>

#include <cerrno>
#include <charconv>

namespace pmemckpt {

namespace {

constexpr std::size_t kUuidText = 36;

bool is_dash_position(std::size_t at) {
    return at == 8 || at == 13 || at == 18 || at == 23;
}

}  // namespace

Uuid random_uuid() {
    require(sodium_init() >= 0, "libsodium starts");
    Uuid uuid{};
    randombytes_buf(uuid.data(), uuid.size());
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40);  // RFC 9562, 5.4: version 4
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);  // and its variant
    return uuid;
}

std::string to_string(const Uuid& uuid) {
    std::string text;
    for (const auto byte : uuid) {
        if (is_dash_position(text.size()))
            text += '-';
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

Result<Uuid> parse_uuid(std::string_view text) {
    const auto bad = [&] {
        return fail(EINVAL, "\"{}\" is not a UUID: 8-4-4-4-12 hexadecimal digits", text);
    };
    if (text.size() != kUuidText)
        return bad();
    Uuid uuid{};
    std::size_t byte = 0;
    for (std::size_t at = 0; at < text.size(); ++byte, at += 2) {
        if (is_dash_position(at) && text[at++] != '-')
            return bad();
        const char* digits = text.data() + at;
        const auto [end, status] = std::from_chars(digits, digits + 2, uuid[byte], 16);
        if (status != std::errc() || end != digits + 2)
            return bad();
    }
    return uuid;
}

}  // namespace pmemckpt
