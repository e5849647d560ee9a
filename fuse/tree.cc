#include "fuse/tree.hh"

#include <cerrno>

#include "lib/base/keys.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::view {

namespace {

struct RootName {
    std::string_view name;
    Kind kind;
};
constexpr RootName kRootNames[] = {
    {".generations", Kind::generations_folder},
    {".log", Kind::logs_folder},
    {".status", Kind::status},
    {".unread", Kind::unread_folder},
};

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
    return {std::move(name), inode_number(entry), entry.is_folder(), std::move(entry)};
}

Entry plain_entry(Kind kind, std::string path, std::string backup = {}) {
    Entry entry;
    entry.kind = kind;
    entry.path = std::move(path);
    entry.backup = std::move(backup);
    return entry;
}

Entry generation_entry(std::string region, wire::Generation generation) {
    auto entry = plain_entry(Kind::generation, std::move(region));
    entry.generation = std::move(generation);
    return entry;
}

/// A folder below this one, in the same part of the view.
Entry folder_below(const Entry& folder, std::string path) {
    return plain_entry(folder.kind, std::move(path), folder.backup);
}

/// A region's line in a folder; none in one of newest generations before its first.
std::optional<Listed> list_region(const Entry& folder, const Names::Child& child) {
    auto path = join(folder.path, child.name);
    switch (folder.kind) {
        case Kind::generations_folder: return listed(child.name, folder_below(folder, std::move(path)));
        case Kind::folder: break;
        default: {  // to be looked up: what it is changes
            Listed line;
            line.name = child.name;
            line.inode = inode_number(plain_entry(Kind::unread_folder, std::move(path), folder.backup));
            return line;
        }
    }
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
    if (is_root(folder))
        for (const auto& [root_name, kind] : kRootNames)
            if (name == root_name)
                return plain_entry(kind, "");
    if (folder.kind == Kind::unread_folder && folder.backup.empty()) {
        if (!check_principal(name))  // a cursor's name is like a principal's
            return no_such_name(name);
        return plain_entry(Kind::unread_folder, "", std::string(name));
    }
    auto path = join(folder.path, name);
    if (!pool::check_region_name(path))
        return no_such_name(path);
    switch (folder.kind) {
        case Kind::folder: return look_up_newest(std::move(path));
        case Kind::generations_folder: return look_up_generation(folder, name, std::move(path));
        case Kind::logs_folder:
        case Kind::unread_folder: return look_up_changing(folder, std::move(path));
        default: return fail(ENOTDIR, "{} is not a folder", folder.path);
    }
}

/// A region's log, or what is unread of it.
Result<Entry> Tree::look_up_changing(const Entry& folder, std::string path) {
    const auto kind = TRY(what(path));
    if (kind == NameIs::folder)
        return folder_below(folder, std::move(path));
    if (kind == NameIs::nothing)
        return no_such_name(path);
    const bool is_log = folder.kind == Kind::logs_folder;
    auto entry = plain_entry(is_log ? Kind::log : Kind::unread, std::move(path), folder.backup);
    if (is_log)
        entry.log = TRY(source_.log(entry.path));
    else
        entry.unread = std::make_shared<UnreadParts>(TRY(look_for_unread(source_, entry.backup, entry.path)));
    return entry;
}

Result<std::optional<wire::LogState>> Tree::present_log(const Entry& entry, std::uint64_t log_id) {
    auto now = source_.log(entry.path);
    if (!now && !is_gone(now.error()))
        return tl::unexpected(std::move(now).error());
    const bool same = now && now->region_id == entry.log.region_id &&
                      now->generation == entry.log.generation && (log_id == 0 || now->log_id == log_id);
    return same ? std::optional(*now) : std::nullopt;
}

Result<Entry> Tree::look_up_newest(std::string path) {
    if (TRY(recent_names())->what(path) == NameIs::folder)
        return plain_entry(Kind::folder, std::move(path));
    auto generation = newest(path);
    if (generation)
        return generation_entry(std::move(path), std::move(*generation));
    if (generation.error().code != ENOENT)
        return is_gone(generation.error()) ? no_such_name(path)
                                           : tl::unexpected(std::move(generation.error()));
    if (TRY(what(path)) == NameIs::folder)
        return plain_entry(Kind::folder, std::move(path));
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
            return generation_entry(folder.path, std::move(*generation));
        if (!is_gone(generation.error()))
            return tl::unexpected(std::move(generation.error()));
    }
    // A region may have a number for its name: runs/12.
    if (TRY(what(path)) != NameIs::nothing)
        return folder_below(folder, std::move(path));
    return no_such_name(path);
}

Result<std::vector<Listed>> Tree::list_generations(const std::string& region) {
    std::vector<Listed> lines;
    for (auto& generation : TRY(source_.generations(region))) {
        auto name = fmt::format("{}", generation.number);
        lines.push_back(listed(std::move(name), generation_entry(region, std::move(generation))));
    }
    return lines;
}

Result<std::vector<Listed>> Tree::list(const Entry& folder) {
    std::vector<Listed> lines;
    if (folder.kind == Kind::unread_folder && folder.backup.empty())
        return lines;
    if (is_root(folder))
        for (const auto& [name, kind] : kRootNames)
            lines.push_back(listed(std::string(name), plain_entry(kind, "")));
    const auto names = TRY(fresh_names());
    const auto what = names->what(folder.path);
    if (what == NameIs::region && folder.kind == Kind::generations_folder)
        return list_generations(folder.path);
    if (what != NameIs::folder)
        return no_such_name(folder.path);
    for (const auto& child : names->children(folder.path)) {
        if (!child.region)
            lines.push_back(listed(child.name, folder_below(folder, join(folder.path, child.name))));
        else if (auto line = list_region(folder, child))
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
