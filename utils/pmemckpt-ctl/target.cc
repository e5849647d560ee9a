#include "utils/pmemckpt-ctl/target.hh"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "lib/pool/pool.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::string_view kNewest = "newest";

bool only_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::uint64_t> parse_number(std::string_view digits, std::string_view whole) {
    std::uint64_t number = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc())
        return fail(EINVAL, "generation {} of \"{}\" is beyond 2^64-1", digits, whole);
    if (number == 0)
        return fail(EINVAL, "\"{}\" names no generation: they are numbered from 1", whole);
    return number;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
    Target target{std::string(text), 0};
    const auto at = text.rfind('@');
    if (at != std::string_view::npos) {
        const auto suffix = text.substr(at + 1);
        const bool is_number = only_digits(suffix);
        if (is_number)
            target.number = TRY(parse_number(suffix, text));
        if (is_number || suffix == kNewest)
            target.region.resize(at);
    }
    TRY(pool::check_region_name(target.region));
    return target;
}

Result<Target> parse_generation(std::string_view text) {
    auto target = TRY(parse_target(text));
    if (target.number == 0)
        return fail(EINVAL, "\"{}\" names no generation: write REGION@N (pmemckpt-ctl list {} shows them)",
                    text, target.region);
    return target;
}

}  // namespace pmemckpt::ctl
