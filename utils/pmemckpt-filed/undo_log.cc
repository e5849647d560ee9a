#include "utils/pmemckpt-filed/undo_log.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "lib/sync/file_io.hh"
#include "utils/pmemckpt-filed/names_in.hh"

namespace pmemckpt::filed {

namespace {

constexpr std::string_view kSuffix = ".undo";

/// What the name of a file says.
struct Name {
    std::uint64_t sequence = 0;
    sync::SyncPointId id;
};

std::string to_text(const Name& name) {
    return fmt::format("{}-{}{}", name.sequence, to_name(name.id), kSuffix);
}

std::optional<Name> parse(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos || !text.ends_with(kSuffix))
        return std::nullopt;
    Name name;
    const auto [end, status] = std::from_chars(text.data(), text.data() + dash, name.sequence);
    const auto id = sync::parse_name(text.substr(0, text.size() - kSuffix.size()).substr(dash + 1));
    if (status != std::errc() || end != text.data() + dash || !id)
        return std::nullopt;
    name.id = *id;
    return name;
}

}  // namespace

Result<UndoLog> UndoLog::open(FileDescriptor folder, std::string path) {
    UndoLog log(std::move(folder), std::move(path));
    TRY(log.find_files());
    for (auto& [sequence, file] : log.files_)
        TRY(file.load(log.folder_.get()));
    if (log.is_on() && !log.files_.rbegin()->second.has_head()) {
        log.unborn_ = std::move(log.files_.rbegin()->second);
        log.files_.erase(std::prev(log.files_.end()));
    }
    TRY(log.check_lengths());
    return log;
}

Status UndoLog::find_files() {
    for (const auto& name : TRY(names_in(folder_.get()))) {
        const auto parsed = parse(name);
        if (parsed && !files_.emplace(parsed->sequence, UndoFile(parsed->id, name, path_)).second)
            return fail(EBADMSG,
                        "there are two undo logs with sequence {} in {}: one of them was copied there",
                        parsed->sequence, path_);
    }
    if (!files_.empty() && files_.rbegin()->first - files_.begin()->first != files_.size() - 1)
        return fail(EBADMSG, "of the undo logs with sequences {} to {} in {} only {} are there: {}",
                    files_.begin()->first, files_.rbegin()->first, path_, files_.size(), kWaysOut);
    return {};
}

/// Of all but the newest the next one says how long they were.
Status UndoLog::check_lengths() const {
    for (const auto& [sequence, file] : files_) {
        const auto next = files_.find(sequence + 1);
        if (next != files_.end() && next->second.bytes_before() != file.end())
            return fail(EBADMSG, "undo log {} has {} bytes, and had {}: {}", file.path(), file.end(),
                        next->second.bytes_before(), kWaysOut);
    }
    return {};
}

Status UndoLog::check_has(const sync::SyncPointId& id) const {
    if (std::ranges::any_of(files_, [&](const auto& file) { return file.second.id() == id; }))
        return {};
    return fail(EBADMSG, "sync point {} is held, and there is no undo log of it in {}: {}",
                sync::to_string(id), path_, kWaysOut);
}

Status UndoLog::check_is_empty() const {
    if (!is_on())
        return {};
    return fail(EBADMSG, "{} has undo logs, and the checkpoint file is a new one: {}", path_, kWaysOut);
}

Error UndoLog::give_up(const Error& why) {
    failed_ = Error{EIO, fmt::format("the undo log can't be trusted any more, roll back: {}", why.message)};
    return *failed_;
}

/// It is open.
Result<UndoFile*> UndoLog::newest() {
    auto& file = files_.rbegin()->second;
    if (!file.is_open())
        TRY(file.open(folder_.get()));
    return &file;
}

Status UndoLog::remove_unborn() {
    if (unborn_)
        TRY(remove_file(*unborn_));
    unborn_.reset();
    return {};
}

/// What was added to the one before, for a change that was not made, is brought to disk as well: its length
/// is what the next one says.
Status UndoLog::begin(const sync::SyncPointId& id) {
    if (failed_)
        return tl::unexpected(*failed_);
    if (files_.size() == kMostUndoFiles)
        return fail(ENOSPC, "{} sync points were saved and never taken, the limit: roll back", files_.size());
    TRY(flush());
    TRY(remove_unborn());
    const auto last = files_.empty() ? files_.end() : std::prev(files_.end());
    const auto sequence = files_.empty() ? 1 : last->first + 1;
    const auto begun = files_.emplace(sequence, UndoFile(id, to_text({sequence, id}), path_)).first;
    auto made = begin_file(begun->second, last == files_.end() ? 0 : last->second.end());
    if (made && last != files_.end())
        last->second.close();
    if (made)
        return {};
    if (::unlinkat(folder_.get(), begun->second.name().c_str(), 0) != 0 && errno != ENOENT)
        return tl::unexpected(give_up(made.error()));  // a rollback removes it
    files_.erase(begun);
    return made;
}

Status UndoLog::begin_file(UndoFile& file, std::uint64_t bytes_before) {
    TRY(file.make(folder_.get(), bytes_before));
    return sync::bring_to_disk(folder_.get(), path_);
}

/// The last one.
UndoLog::Files::iterator UndoLog::find(const sync::SyncPointId& id) {
    for (auto at = files_.end(); at != files_.begin();)
        if ((--at)->second.id() == id)
            return at;
    return files_.end();
}

Status UndoLog::add(const Change& change, std::span<const std::byte> raw) {
    return add(change, raw, -1);
}

Status UndoLog::add_shared(const Change& change, std::span<const std::byte> raw, int file) {
    return add(change, raw, file);
}

Status UndoLog::add(const Change& change, std::span<const std::byte> raw, int shared_with) {
    if (!is_on())
        return {};
    if (failed_)
        return tl::unexpected(*failed_);
    auto* const file = TRY(newest());
    auto added = file->add(change, raw, shared_with);
    if (!added && !file->drop_rest())
        return tl::unexpected(give_up(added.error()));
    return added;
}

/// After one that failed it is not known what of it is on disk.
Status UndoLog::flush() {
    if (!is_on())
        return {};
    if (failed_)
        return tl::unexpected(*failed_);
    if (const auto flushed = TRY(newest())->flush(); !flushed)
        return tl::unexpected(give_up(flushed.error()));
    return {};
}

/// With the newest file.
Status UndoLog::undo_newest(const Undo& undo, const std::function<Status()>& flushed) {
    auto* const file = TRY(newest());
    TRY(file->cut_to_durable());
    for (auto left = file->entries().size(); left != 0; --left) {
        const auto entry = TRY(file->read(file->entries()[left - 1]));
        const bool is_of_names = entry.change.is_of_names();
        if (is_of_names || file->end() - entry.end > kUndoneAtOnce) {
            TRY(flushed());  // the bytes that were put back, before the log forgets them
            TRY(file->cut(entry.end));
        }
        TRY(undo(entry.change, entry.raw));
        if (is_of_names)
            TRY(file->cut(entry.at));
    }
    TRY(flushed());
    return file->cut_to_head();
}

Status UndoLog::remove_file(const UndoFile& file) const {
    if (::unlinkat(folder_.get(), file.name().c_str(), 0) != 0 && errno != ENOENT)
        return fail_errno(errno, "can't remove undo log {}", file.path());
    return sync::bring_to_disk(folder_.get(), path_);
}

Status UndoLog::undo_since(const sync::SyncPointId& id, const Undo& undo,
                           const std::function<Status()>& flushed) {
    const auto wanted = find(id);
    if (wanted == files_.end())
        return fail(ENOENT, "there is no undo log of sync point {}", sync::to_string(id));
    for (;;) {
        TRY(undo_newest(undo, flushed));
        const auto newest = std::prev(files_.end());
        if (newest == wanted)
            break;
        TRY(remove_file(newest->second));
        files_.erase(newest);
    }
    failed_.reset();
    return {};
}

Status UndoLog::forget_before(const sync::SyncPointId& id,
                              const std::function<void(const std::string&)>& unneeded) {
    const auto oldest = find(id);
    while (oldest != files_.end() && files_.begin() != oldest) {
        TRY(remove_file(files_.begin()->second));
        std::ranges::for_each(files_.begin()->second.trash(), unneeded);
        files_.erase(files_.begin());
    }
    return {};
}

std::set<std::string> UndoLog::needed_trash() const {
    std::set<std::string> names;
    for (const auto& [sequence, file] : files_)
        names.insert(file.trash().begin(), file.trash().end());
    return names;
}

}  // namespace pmemckpt::filed
