// Names: of regions, and the pool's UUID.
#include <algorithm>
#include <cerrno>
#include <charconv>

#include "lib/pool/pool.hh"

namespace pmemckpt::pool {

namespace {

constexpr std::size_t kMaximumRegionName = 255;
constexpr std::string_view kMarks = "._-@+=:";
constexpr std::size_t kUuidText = 36;

// Not std::isalnum: what a name may be does not depend on a locale.
bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
}

bool is_dash_position(std::size_t at) {
    return at == 8 || at == 13 || at == 18 || at == 23;
}

/// nullptr when the part is a good one.
const char* wrong_with_part(std::string_view part) {
    if (part.empty())
        return "has an empty part; parts are joined by single slashes";
    if (part.front() == '.')
        return "has a part that starts with a dot";
    if (!std::all_of(part.begin(), part.end(), is_name_character))
        return "has a character that is not a letter, a digit or one of . _ - @ + = :";
    return nullptr;
}

}  // namespace

Status check_region_name(std::string_view name) {
    if (name.empty())
        return fail(EINVAL, "a region needs a name, such as team/app");
    if (name.size() > kMaximumRegionName)
        return fail(EINVAL, "a region's name of {} bytes is too long; it may have {}", name.size(),
                    kMaximumRegionName);
    for (std::string_view rest = name;;) {
        const auto slash = rest.find('/');
        if (const char* wrong = wrong_with_part(rest.substr(0, slash)))
            return fail(EINVAL, "the region name \"{}\" {}", name, wrong);
        if (slash == std::string_view::npos)
            return {};
        rest.remove_prefix(slash + 1);
    }
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

}  // namespace pmemckpt::pool
