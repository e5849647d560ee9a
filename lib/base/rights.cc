#include "lib/base/rights.hh"

#include <cerrno>

#include "lib/base/keys.hh"

namespace pmemckpt {

namespace {

constexpr char kGroupMark = '%';

Result<Rights> parse_word(std::string_view word) {
    if (word == "all")
        return Rights::all();
    for (const auto right : kRights)
        if (word == to_string(right))
            return Rights(right);
    return fail(EINVAL, "\"{}\" is no right: read, append, write, take-over, administer, or all", word);
}

}  // namespace

Result<Rights> Rights::of_bits(std::uint8_t bits) {
    if (bits > kAll)
        return fail(EUCLEAN, "rights {:#04x} have a bit that is no right", bits);
    return Rights(unsigned{bits});
}

Result<Rights> Rights::parse(std::string_view text) {
    Rights rights;
    for (;;) {
        const auto comma = text.find(',');
        rights = rights.with(TRY(parse_word(text.substr(0, comma))));
        if (comma == std::string_view::npos)
            return rights;
        text.remove_prefix(comma + 1);
    }
}

const char* to_string(Right right) {
    switch (right) {
        case Right::read: return "read";
        case Right::append: return "append";
        case Right::write: return "write";
        case Right::take_over: return "take-over";
        case Right::administer: return "administer";
    }
    return "unknown";
}

std::string to_string(Rights rights) {
    if (rights == Rights::all())
        return "all";
    std::string text;
    for (const auto right : kRights)
        if (rights.has(right))
            text += (text.empty() ? "" : ",") + std::string(to_string(right));
    return text.empty() ? "none" : text;
}

Status check_grantee(std::string_view name) {
    return check_principal(name.starts_with(kGroupMark) ? name.substr(1) : name);
}

std::string grantee_of_group(std::string_view group) {
    return kGroupMark + std::string(group);
}

}  // namespace pmemckpt
