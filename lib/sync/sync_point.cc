#include "lib/sync/sync_point.hh"

#include <charconv>

namespace pmemckpt::sync {

namespace {

/// All of it.
template <class Number>
bool parse_number(std::string_view text, int base, Number& into) {
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), into, base);
    return status == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string to_string(const SyncPointId& id) {
    return fmt::format("{} ({:02x}{:02x}{:02x}{:02x})", id.number, id.tag[0], id.tag[1], id.tag[2],
                       id.tag[3]);
}

std::string to_name(const SyncPointId& id) {
    auto name = fmt::format("{}-", id.number);
    for (const auto byte : id.tag)
        name += fmt::format("{:02x}", byte);
    return name;
}

std::optional<SyncPointId> parse_name(std::string_view name) {
    SyncPointId id;
    const auto dash = name.find('-');
    if (dash == std::string_view::npos || name.size() != dash + 1 + 2 * id.tag.size() ||
        !parse_number(name.substr(0, dash), 10, id.number))
        return std::nullopt;
    for (std::size_t i = 0; i < id.tag.size(); ++i)
        if (!parse_number(name.substr(dash + 1 + 2 * i, 2), 16, id.tag[i]))
            return std::nullopt;
    return to_name(id) == name ? std::optional(id) : std::nullopt;  // one name for each
}

}  // namespace pmemckpt::sync
