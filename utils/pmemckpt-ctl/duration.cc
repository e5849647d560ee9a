#include "utils/pmemckpt-ctl/duration.hh"

#include <array>
#include <cerrno>
#include <charconv>

namespace pmemckpt::ctl {

namespace {

struct Unit {
    char name;
    std::int64_t nanoseconds;
};
constexpr std::int64_t kSecond = 1'000'000'000;
/// The largest first.
constexpr std::array<Unit, 4> kUnits{
    {{'d', 86'400 * kSecond}, {'h', 3'600 * kSecond}, {'m', 60 * kSecond}, {'s', kSecond}}};

Result<std::int64_t> unit_of(std::string_view name, std::string_view whole) {
    for (const auto& unit : kUnits)
        if (name.size() == 1 && name.front() == unit.name)
            return unit.nanoseconds;
    return fail(EINVAL, "\"{}\" is no duration: a whole number with s, m, h or d behind it, such as 7d",
                whole);
}

}  // namespace

Result<std::int64_t> parse_duration(std::string_view text) {
    if (text == "0")
        return 0;
    std::uint64_t count = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
    const auto unit = TRY(unit_of(text.substr(static_cast<std::size_t>(end - text.data())), text));
    if (end == text.data())
        return fail(EINVAL, "\"{}\" is no duration: it has no number, such as 7d has", text);
    const auto most = static_cast<std::uint64_t>(INT64_MAX / unit);
    if (problem == std::errc::result_out_of_range || count > most)
        return fail(ERANGE, "\"{}\" is too long: at most {}{}", text, most, text.back());
    return static_cast<std::int64_t>(count) * unit;
}

Result<std::int64_t> duration_or_zero(const std::string& text) {
    if (text.empty())
        return 0;
    return parse_duration(text);
}

std::string format_duration(std::int64_t nanoseconds) {
    if (nanoseconds == 0)
        return "-";
    for (const auto& unit : kUnits)
        if (nanoseconds % unit.nanoseconds == 0)
            return fmt::format("{}{}", nanoseconds / unit.nanoseconds, unit.name);
    return fmt::format("{:.3f}s", static_cast<double>(nanoseconds) / static_cast<double>(kSecond));
}

}  // namespace pmemckpt::ctl
