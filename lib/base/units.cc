#include "lib/base/units.hh"

#include <array>
#include <cerrno>
#include <charconv>

namespace pmemckpt {

namespace {

/// The power of 1024 a suffix stands for, -1 when there is no such suffix.
int power_of_suffix(std::string_view suffix) {
    if (suffix.empty() || suffix == "B")
        return 0;
    const auto letter = std::string_view("KMGT").find(suffix.front());
    const auto rest = suffix.substr(1);
    if (letter == std::string_view::npos || !(rest.empty() || rest == "iB" || rest == "B"))
        return -1;
    return static_cast<int>(letter) + 1;
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    const int power = power_of_suffix(text.substr(static_cast<std::size_t>(end - text.data())));
    if (status == std::errc::result_out_of_range)
        return fail(ERANGE, "size \"{}\" is beyond 2^64-1 bytes", text);
    if (status != std::errc() || power < 0)
        return fail(EINVAL, "\"{}\" is not a size; write a number of bytes, or one with K, M, G or T", text);
    if (number > (UINT64_MAX >> (10 * power)))
        return fail(ERANGE, "size \"{}\" is beyond 2^64-1 bytes", text);
    return number << (10 * power);
}

std::string format_size(std::uint64_t bytes) {
    static constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < kKiB)
        return fmt::format("{} B", bytes);
    double amount = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < units.size(); ++unit)
        amount /= 1024;
    return fmt::format("{:.1f} {}", amount, units[unit]);
}

}  // namespace pmemckpt
