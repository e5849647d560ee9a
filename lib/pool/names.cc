// Names of regions.
#include <algorithm>
#include <cerrno>

#include "lib/pool/pool.hh"

namespace pmemckpt::pool {

namespace {

constexpr std::size_t kMaximumRegionName = 255;
constexpr std::string_view kMarks = "._-@+=:";

// Not std::isalnum: what a name may be does not depend on a locale.
bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
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

}  // namespace pmemckpt::pool
