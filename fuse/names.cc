#include "fuse/names.hh"

#include <algorithm>
#include <charconv>

#include "lib/pool/pool.hh"

namespace pmemckpt::view {

namespace {

bool by_name(const wire::Region& a, const wire::Region& b) {
    return a.name < b.name;
}
bool same_name(const wire::Region& a, const wire::Region& b) {
    return a.name == b.name;
}

}  // namespace

Names::Names(std::vector<wire::Region> regions) : regions_(std::move(regions)) {
    std::erase_if(regions_, [](const wire::Region& region) { return !pool::check_region_name(region.name); });
    std::sort(regions_.begin(), regions_.end(), by_name);
    regions_.erase(std::unique(regions_.begin(), regions_.end(), same_name), regions_.end());
}

std::size_t Names::first_at_or_after(std::string_view name) const {
    const auto found =
        std::lower_bound(regions_.begin(), regions_.end(), name,
                         [](const wire::Region& region, std::string_view n) { return region.name < n; });
    return static_cast<std::size_t>(found - regions_.begin());
}

NameIs Names::what(std::string_view path) const {
    if (path.empty())
        return NameIs::folder;
    const auto exact = first_at_or_after(path);
    if (exact < regions_.size() && regions_[exact].name == path)
        return NameIs::region;
    const auto prefix = join(path, "");
    const auto below = first_at_or_after(prefix);
    return below < regions_.size() && regions_[below].name.starts_with(prefix) ? NameIs::folder
                                                                               : NameIs::nothing;
}

std::vector<Names::Child> Names::children(std::string_view folder) const {
    const auto prefix = folder.empty() ? std::string() : join(folder, "");
    std::vector<Child> children;
    for (auto at = first_at_or_after(prefix);
         at < regions_.size() && regions_[at].name.starts_with(prefix);) {
        const auto rest = std::string_view(regions_[at].name).substr(prefix.size());
        const auto slash = rest.find('/');
        children.push_back(
            {std::string(rest.substr(0, slash)), slash == rest.npos ? &regions_[at] : nullptr});
        // A folder's regions stand together: '0' is the character after '/'.
        at = slash == rest.npos ? at + 1 : first_at_or_after(prefix + children.back().name + '0');
    }
    std::sort(children.begin(), children.end(),
              [](const Child& a, const Child& b) { return a.name < b.name; });
    return children;
}

std::string join(std::string_view folder, std::string_view name) {
    std::string path(folder);
    if (!folder.empty())
        path += '/';
    return path += name;
}

std::optional<std::uint64_t> parse_number(std::string_view name) {
    std::uint64_t number = 0;
    if (name.empty() || name.front() < '1' || name.front() > '9')
        return {};
    const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (status != std::errc() || end != name.data() + name.size())
        return {};
    return number;
}

}  // namespace pmemckpt::view
