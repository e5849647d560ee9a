#include "fuse/tree.hh"

#include <cerrno>

#include "lib/pool/pool.hh"

namespace pmemckpt::view {

namespace {

constexpr std::string_view kGenerationsName = ".generations";
constexpr std::string_view kStatusName = ".status";

bool is_gone(const Error& error) {
    return error.code == ENOENT || error.code == ENODATA;
}

bool is_root(const Entry& folder) {
    return folder.kind == Kind::folder && folder.path.empty();
}

auto no_such_name(std::string_view path) {
    return fail(ENOENT, "there is no {}", path);
}

Listed listed(std::string name, Entry entry) {
    const bool is_folder = entry.kind == Kind::folder || entry.kind == Kind::generations_folder;
    return {std::move(name), inode_number(entry), is_folder, std::move(entry)};
}

Entry folder_entry(Kind kind, std::string path) {
    return {kind, std::move(path), {}};
}

// Which of its names a region has in a folder of newest generations: none before its first.
std::optional<Listed> list_newest(const std::string& folder, Names::Child& child) {
    if (!child.region)
        return listed(child.name, folder_entry(Kind::folder, join(folder, child.name)));
    if (child.region->newest == 0)
        return {};
    return Listed{child.name, generation_inode_number(child.region->id, child.region->newest), false, {}};
}

}  // namespace

Result<std::shared_ptr<const Names>> Tree::fresh_names() {
    auto names = std::make_shared<const Names>(TRY(source_.regions()));
    std::lock_guard lock(mutex_);
    names_ = names;
    listed_at_ = Clock::now();
    return names;
}

Result<std::shared_ptr<const Names>> Tree::recent_names() {
    {
        std::lock_guard lock(mutex_);
        if (names_ && Clock::now() - listed_at_ < kListingLife)
            return names_;
    }
    return fresh_names();
}

// That something is there may be a moment old; that nothing is there is asked anew.
Result<NameIs> Tree::what(const std::string& path) {
    const auto recently = TRY(recent_names())->what(path);
    return recently != NameIs::nothing ? recently : TRY(fresh_names())->what(path);
}

Result<Entry> Tree::look_up(const Entry& folder, std::string_view name) {
    if (name.size() > kMaximumNameBytes)
        return fail(ENAMETOOLONG, "a name has at most {} bytes", kMaximumNameBytes);
    if (is_root(folder) && name == kGenerationsName)
        return folder_entry(Kind::generations_folder, "");
    if (is_root(folder) && name == kStatusName)
        return folder_entry(Kind::status, "");
    auto path = join(folder.path, name);
    if (!pool::check_region_name(path))
        return no_such_name(path);
    switch (folder.kind) {
        case Kind::folder: return look_up_newest(std::move(path));
        case Kind::generations_folder: return look_up_generation(folder, name, std::move(path));
        default: return fail(ENOTDIR, "{} is not a folder", folder.path);
    }
}

Result<Entry> Tree::look_up_newest(std::string path) {
    if (TRY(recent_names())->what(path) == NameIs::folder)
        return folder_entry(Kind::folder, std::move(path));
    auto generation = newest(path);
    if (generation)
        return Entry{Kind::generation, std::move(path), std::move(*generation)};
    if (generation.error().code != ENOENT)
        return is_gone(generation.error()) ? no_such_name(path)
                                           : tl::unexpected(std::move(generation.error()));
    if (TRY(what(path)) == NameIs::folder)
        return folder_entry(Kind::folder, std::move(path));
    return no_such_name(path);
}

Result<wire::Generation> Tree::newest(const std::string& region) {
    if (!races_.is_lost(region))
        return source_.find_generation(region, 0);
    auto content = TRY(source_.open(region, 0));
    auto generation = content->generation();
    races_.keep(region, std::move(content));
    return generation;
}

Result<Entry> Tree::look_up_generation(const Entry& folder, std::string_view name, std::string path) {
    const auto number = folder.path.empty() ? std::nullopt : parse_number(name);
    if (number) {
        auto generation = source_.find_generation(folder.path, *number);
        if (generation)
            return Entry{Kind::generation, folder.path, std::move(*generation)};
        if (!is_gone(generation.error()))
            return tl::unexpected(std::move(generation.error()));
    }
    // A region may have a number for its name: runs/12.
    if (TRY(what(path)) != NameIs::nothing)
        return folder_entry(Kind::generations_folder, std::move(path));
    return no_such_name(path);
}

Result<std::vector<Listed>> Tree::list_generations(const std::string& region) {
    std::vector<Listed> lines;
    for (auto& generation : TRY(source_.generations(region))) {
        auto name = fmt::format("{}", generation.number);
        lines.push_back(listed(std::move(name), Entry{Kind::generation, region, std::move(generation)}));
    }
    return lines;
}

Result<std::vector<Listed>> Tree::list(const Entry& folder) {
    std::vector<Listed> lines;
    if (is_root(folder)) {
        lines.push_back(listed(std::string(kGenerationsName), folder_entry(Kind::generations_folder, "")));
        lines.push_back(listed(std::string(kStatusName), folder_entry(Kind::status, "")));
    }
    const auto names = TRY(fresh_names());
    const auto what = names->what(folder.path);
    if (what == NameIs::region && folder.kind == Kind::generations_folder)
        return list_generations(folder.path);
    if (what != NameIs::folder)
        return no_such_name(folder.path);
    for (auto& child : names->children(folder.path)) {
        if (folder.kind == Kind::generations_folder)
            lines.push_back(listed(child.name, folder_entry(folder.kind, join(folder.path, child.name))));
        else if (auto line = list_newest(folder.path, child))
            lines.push_back(std::move(*line));
    }
    return lines;
}

Result<std::shared_ptr<Content>> Tree::open(const Entry& entry) {
    const auto& wanted = entry.generation;
    if (auto kept = races_.take(entry.path, wanted.region_id, wanted.number))
        return kept;
    auto content = source_.open(entry.path, wanted.number);
    if (!content && !is_gone(content.error()))
        return content;
    // A region destroyed and made again has another id; its generations begin at 1 again.
    if (content && (*content)->generation().region_id == wanted.region_id)
        return content;
    races_.lost(entry.path);
    return fail(ESTALE, "generation {} of {} is gone", wanted.number, entry.path);
}

}  // namespace pmemckpt::view
