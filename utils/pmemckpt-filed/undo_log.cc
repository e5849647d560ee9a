#include "utils/pmemckpt-filed/undo_log.hh"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "lib/base/units.hh"
#include "lib/sync/table_file.hh"
#include "utils/pmemckpt-filed/names_in.hh"

namespace pmemckpt::filed {

namespace {

constexpr std::string_view kSuffix = ".undo";
/// What to do when something of it is missing.
constexpr const char* kWaysOut =
    "bring it back from a copy, or give up the job's sync points, see pmemckpt-filed(8), When something "
    "fails";

constexpr std::array<std::uint8_t, 8> kMagic{'P', 'M', 'C', 'K', 'U', 'N', 'D', 'O'};

/// At the begin of a file.
struct FileHead {
    Uuid salt{};
    std::uint64_t bytes_before = 0;
    sync::Digest digest{};
    static void fields(auto& s, auto& c) { c(s.salt), c(s.bytes_before), c(s.digest); }
};
constexpr std::size_t kFileHeadBytes = 16 + 8 + 32;

sync::Digest digest_of_head(const std::string& name, FileHead head) {
    head.digest = {};
    wire::Encoder encoded;
    encoded(head);
    sync::Digester digester;
    digester.add(std::as_bytes(std::span(name)));
    digester.add(encoded.bytes());
    return digester.end();
}

/// Before each change.
struct EntryHeader {
    std::array<std::uint8_t, 8> magic = kMagic;
    std::uint32_t body_bytes = 0, gap_bytes = 0, raw_bytes = 0;
    std::uint64_t durable_end = 0;
    sync::Digest digest{};
    static void fields(auto& s, auto& c) {
        c(s.magic), c(s.body_bytes), c(s.gap_bytes), c(s.raw_bytes), c(s.durable_end), c(s.digest);
    }
};
constexpr std::size_t kEntryHeaderBytes = 8 + 4 + 4 + 4 + 8 + 32;
constexpr std::uint32_t kMostBodyBytes = 16 * 1024, kMostRawBytes = 2 * 1024 * 1024;
constexpr std::uint64_t kSharedAlignment = 64 * kKiB;  // of no file system are blocks larger

/// What an entry's digest is of, before the entry.
struct EntryPlace {
    std::string file;
    Uuid salt{};
    std::uint64_t at = 0;
    static void fields(auto& s, auto& c) { c(s.file), c(s.salt), c(s.at); }
};

sync::Digest digest_of_entry(const EntryPlace& place, EntryHeader header, std::span<const std::byte> body,
                             std::span<const std::byte> raw) {
    header.digest = {};
    wire::Encoder encoded;
    encoded(place);
    encoded(header);
    sync::Digester digester;
    digester.add(encoded.bytes());
    digester.add(body);
    digester.add(raw);
    return digester.end();
}

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

Result<std::uint64_t> size_of(int file, const std::string& name) {
    struct stat status;
    if (::fstat(file, &status) != 0)
        return fail_errno(errno, "can't look at undo log {}", name);
    return static_cast<std::uint64_t>(status.st_size);
}

/// Not yet on disk.
Status cut_file(int file, const std::string& name, std::uint64_t end) {
    return ::ftruncate(file, static_cast<off_t>(end)) == 0
               ? Status()
               : fail_errno(errno, "can't cut undo log {} at {}", name, end);
}

}  // namespace

UndoLog::File UndoLog::new_file(const sync::SyncPointId& id, const std::string& name) const {
    File file;
    file.id = id;
    file.name = name;
    file.path = path_ + "/" + name;
    return file;
}

Result<FileDescriptor> UndoLog::open_file(const File& file, int flags) const {
    FileDescriptor opened(
        ::openat(folder_.get(), file.name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
    if (!opened)
        return fail_errno(errno, "can't open undo log {}", file.path);
    return opened;
}

Result<UndoLog> UndoLog::open(FileDescriptor folder, std::string path) {
    UndoLog log(std::move(folder), std::move(path));
    TRY(log.find_files());
    for (auto& [sequence, file] : log.files_)
        TRY(log.find_entries(file));
    if (!log.files_.empty() && log.files_.rbegin()->second.end == 0) {
        log.unborn_ = std::move(log.files_.rbegin()->second);
        log.files_.erase(std::prev(log.files_.end()));
    }
    TRY(log.check_lengths());
    TRY(log.open_newest());
    return log;
}

Status UndoLog::find_files() {
    for (const auto& name : TRY(names_in(folder_.get()))) {
        const auto parsed = parse(name);
        if (parsed && !files_.emplace(parsed->sequence, new_file(parsed->id, name)).second)
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
        if (next != files_.end() && next->second.bytes_before != file.end)
            return fail(EBADMSG, "undo log {} has {} bytes, and had {}: {}", file.path, file.end,
                        next->second.bytes_before, kWaysOut);
    }
    return {};
}

Status UndoLog::check_has(const sync::SyncPointId& id) const {
    const auto is_it = [&](const auto& file) { return file.second.id == id && file.second.end != 0; };
    if (std::ranges::any_of(files_, is_it))
        return {};
    return fail(EBADMSG, "sync point {} is held, and there is no undo log of it in {}: {}",
                sync::to_string(id), path_, kWaysOut);
}

void UndoLog::note(File& file, const Change& change, std::uint64_t end) {
    if (change.kind == Change::Kind::removed)
        file.trash.push_back(change.other);
    file.entries.push_back(file.end);
    file.end = end;
}

Status UndoLog::write_head(int opened, File& file) {
    FileHead head{random_uuid(), file.bytes_before, {}};
    head.digest = digest_of_head(file.name, head);
    wire::Encoder encoded;
    encoded(head);
    TRY(sync::write_at(opened, 0, encoded.bytes(), file.path));
    TRY(sync::bring_to_disk(opened, file.path));
    file.salt = head.salt;
    file.end = file.durable_end = kFileHeadBytes;
    return {};
}

Status UndoLog::read_head(int opened, File& file) {
    std::vector<std::byte> bytes(kFileHeadBytes);
    TRY(sync::read_at(opened, 0, bytes, file.path));
    FileHead head;
    wire::Decoder decoder(bytes);
    decoder(head);
    if (digest_of_head(file.name, head) != head.digest)
        return fail(EBADMSG, "undo log {} is damaged at its begin, or is another one's: {}", file.path,
                    kWaysOut);
    file.salt = head.salt;
    file.bytes_before = head.bytes_before;
    file.end = kFileHeadBytes;
    return {};
}

/// What a crash has cut off at the end was of changes that were not made.
Status UndoLog::find_entries(File& file) const {
    const auto opened = TRY(open_file(file, 0));
    const auto size = TRY(size_of(opened.get(), file.path));
    const auto head = size < kFileHeadBytes ? Status(fail(EBADMSG, "")) : read_head(opened.get(), file);
    if (!head && size <= kFileHeadBytes)
        return {};  // its begin was cut: nothing is added, or held, before its head is on disk
    TRY(Status(head));
    while (file.end < size) {
        const auto entry = read_entry(opened.get(), file, file.end);
        if (!entry && entry.error().code != EBADMSG)
            return tl::unexpected(entry.error());
        if (!entry)
            break;
        note(file, entry->change, entry->end);
    }
    TRY(check_is_torn(opened.get(), file, size));
    if (size != file.end)
        TRY(cut_file(opened.get(), file.path, file.end));
    TRY(sync::bring_to_disk(opened.get(), file.path));
    file.durable_end = file.end;
    return {};
}

/// Behind its end nothing was on disk for certain.
Status UndoLog::check_is_torn(int opened, const File& file, std::uint64_t size) {
    for (auto from = file.end;;) {
        const auto behind = TRY(find_entry(opened, file, from, size));
        if (!behind)
            return {};
        if (behind->durable_end > file.end)
            return fail(EBADMSG, "undo log {} is damaged between {} and {}: {}", file.path, file.end,
                        behind->at, kWaysOut);
        from = behind->end;
    }
}

Status UndoLog::open_newest() {
    newest_.reset();
    if (!files_.empty())
        newest_ = TRY(open_file(files_.rbegin()->second, 0));
    return {};
}

Error UndoLog::give_up(const Error& why) {
    failed_ = Error{EIO, fmt::format("the undo log can't be trusted any more, roll back: {}", why.message)};
    return *failed_;
}

Status UndoLog::remove_unborn() {
    if (unborn_)
        TRY(remove_file(*unborn_));
    unborn_.reset();
    return {};
}

Status UndoLog::begin(const sync::SyncPointId& id) {
    if (failed_)
        return tl::unexpected(*failed_);
    if (files_.size() == kMostUndoFiles)
        return fail(ENOSPC, "{} sync points were saved and never taken, the limit: roll back", files_.size());
    const auto sequence = files_.empty() ? 1 : files_.rbegin()->first + 1;
    const auto name = to_text({sequence, id});
    TRY(remove_unborn());
    const auto begun = files_.emplace(sequence, new_file(id, name)).first;
    auto made = begin_file(begun->second);
    if (made)
        return {};
    if (::unlinkat(folder_.get(), name.c_str(), 0) != 0 && errno != ENOENT)
        return tl::unexpected(give_up(made.error()));  // a rollback removes it
    files_.erase(begun);
    newest_.reset();
    static_cast<void>(open_newest());  // the next one who needs it tries again
    return made;
}

Status UndoLog::begin_file(File& file) {
    newest_ = TRY(open_file(file, O_CREAT | O_TRUNC));
    const auto before = files_.find(files_.rbegin()->first - 1);
    file.bytes_before = before == files_.end() ? 0 : before->second.end;
    TRY(write_head(newest_.get(), file));
    return sync::bring_to_disk(folder_.get(), "the undo log's folder");
}

/// The last one.
UndoLog::Files::iterator UndoLog::find(const sync::SyncPointId& id) {
    for (auto at = files_.end(); at != files_.begin();)
        if ((--at)->second.id == id)
            return at;
    return files_.end();
}

Status UndoLog::add(const Change& change, std::span<const std::byte> raw) {
    return add(change, Raw{raw});
}

Status UndoLog::add_shared(const Change& change, std::span<const std::byte> raw, int file) {
    return add(change, Raw{raw, file});
}

Status UndoLog::add(const Change& change, const Raw& raw) {
    if (!is_on())
        return {};
    if (failed_)
        return tl::unexpected(*failed_);
    if (!newest_)
        TRY(open_newest());
    auto& file = files_.rbegin()->second;
    const auto before = file.end;
    auto appended = append(file, change, raw);
    if (!appended && ::ftruncate(newest_.get(), static_cast<off_t>(before)) != 0)
        return tl::unexpected(give_up(appended.error()));
    return appended;
}

Status UndoLog::append(File& file, const Change& change, const Raw& raw) {
    wire::Encoder body;
    body(change);
    const auto behind = file.end + kEntryHeaderBytes + body.bytes().size();
    const auto raw_at =
        share(round_up(behind, kSharedAlignment), change, raw) ? round_up(behind, kSharedAlignment) : behind;
    EntryHeader header;
    header.body_bytes = static_cast<std::uint32_t>(body.bytes().size());
    header.gap_bytes = static_cast<std::uint32_t>(raw_at - behind);
    header.raw_bytes = static_cast<std::uint32_t>(raw.bytes.size());
    header.durable_end = file.durable_end;
    header.digest = digest_of_entry({file.name, file.salt, file.end}, header, body.bytes(), raw.bytes);
    wire::Encoder entry;
    entry(header);
    entry.append(body.bytes());
    TRY(sync::write_at(newest_.get(), file.end, entry.bytes(), file.path));
    if (raw_at == behind)
        TRY(sync::write_at(newest_.get(), raw_at, raw.bytes, file.path));
    note(file, change, raw_at + raw.bytes.size());
    return {};
}

/// Where it can't, the bytes are written.
bool UndoLog::share(std::uint64_t at, const Change& change, const Raw& raw) const {
    if (raw.shared_with < 0)
        return false;
    file_clone_range range{};
    range.src_fd = raw.shared_with;
    range.src_offset = change.at;
    range.src_length = raw.bytes.size();
    range.dest_offset = at;
    return ::ioctl(newest_.get(), FICLONERANGE, &range) == 0;
}

/// After one that failed it is not known what of it is on disk.
Status UndoLog::flush() {
    if (!is_on())
        return {};
    if (failed_)
        return tl::unexpected(*failed_);
    auto& file = files_.rbegin()->second;
    if (file.end == file.durable_end)
        return {};
    if (const auto flushed = sync::bring_to_disk(newest_.get(), file.path); !flushed)
        return tl::unexpected(give_up(flushed.error()));
    file.durable_end = file.end;
    return {};
}

Status UndoLog::cut(std::uint64_t end) {
    auto& file = files_.rbegin()->second;
    TRY(cut_file(newest_.get(), file.path, end));
    file.end = file.durable_end = end;
    while (!file.entries.empty() && file.entries.back() >= end)
        file.entries.pop_back();
    return sync::bring_to_disk(newest_.get(), file.path);
}

/// EBADMSG when there is none.
Result<UndoLog::Entry> UndoLog::read_entry(int opened, const File& file, std::uint64_t at) {
    std::vector<std::byte> bytes(kEntryHeaderBytes);
    TRY(sync::read_at(opened, at, bytes, file.path));
    EntryHeader header;
    wire::Decoder decoder(bytes);
    decoder(header);
    const auto damaged = fail(EBADMSG, "undo log {} is damaged at {}", file.path, at);
    if (header.magic != kMagic || header.body_bytes > kMostBodyBytes ||
        header.gap_bytes >= kSharedAlignment || header.raw_bytes > kMostRawBytes)
        return damaged;
    std::vector<std::byte> body(header.body_bytes);
    Entry entry;
    entry.at = at;
    entry.durable_end = header.durable_end;
    entry.raw.resize(header.raw_bytes);
    const auto raw_at = at + kEntryHeaderBytes + body.size() + header.gap_bytes;
    entry.end = raw_at + entry.raw.size();
    TRY(sync::read_at(opened, at + kEntryHeaderBytes, body, file.path));
    TRY(sync::read_at(opened, raw_at, entry.raw, file.path));
    if (digest_of_entry({file.name, file.salt, at}, header, body, entry.raw) != header.digest)
        return damaged;
    entry.change = TRY(wire::decode_body<Change>(body));
    return entry;
}

/// The first one from there on.
Result<std::optional<UndoLog::Entry>> UndoLog::find_entry(int opened, const File& file, std::uint64_t from,
                                                          std::uint64_t size) {
    std::vector<std::byte> piece(kMiB);
    while (from + kEntryHeaderBytes <= size) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size - from, piece.size()));
        TRY(sync::read_at(opened, from, std::span(piece).first(count), file.path));
        const auto* const at =
            static_cast<const std::byte*>(::memmem(piece.data(), count, kMagic.data(), kMagic.size()));
        if (!at) {
            from += count - std::min(count - 1, kMagic.size() - 1);
            continue;
        }
        from += static_cast<std::uint64_t>(at - piece.data());
        auto entry = read_entry(opened, file, from);
        if (entry)
            return std::move(*entry);
        if (entry.error().code != EBADMSG)
            return tl::unexpected(entry.error());
        ++from;
    }
    return std::nullopt;
}

/// With the newest file.
Status UndoLog::undo_newest(const Undo& undo, const std::function<Status()>& flushed) {
    if (!newest_)
        TRY(open_newest());
    auto& file = files_.rbegin()->second;
    TRY(cut(file.durable_end));  // what is behind was of changes that were not made
    for (auto left = file.entries.size(); left != 0; --left) {
        const auto entry = TRY(read_entry(newest_.get(), file, file.entries[left - 1]));
        const bool is_of_names = entry.change.is_of_names();
        if (is_of_names || file.end - entry.end > kUndoneAtOnce) {
            TRY(flushed());  // the bytes that were put back, before the log forgets them
            TRY(cut(entry.end));
        }
        TRY(undo(entry.change, entry.raw));
        if (is_of_names)
            TRY(cut(entry.at));
    }
    TRY(flushed());
    TRY(cut(kFileHeadBytes));
    file.trash.clear();
    return {};
}

Status UndoLog::remove_file(const File& file) const {
    if (::unlinkat(folder_.get(), file.name.c_str(), 0) != 0 && errno != ENOENT)
        return fail_errno(errno, "can't remove undo log {}", file.path);
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
        TRY(open_newest());
    }
    failed_.reset();
    return {};
}

Status UndoLog::forget_before(const sync::SyncPointId& id,
                              const std::function<void(const std::string&)>& unneeded) {
    const auto oldest = find(id);
    while (oldest != files_.end() && files_.begin() != oldest) {
        TRY(remove_file(files_.begin()->second));
        std::ranges::for_each(files_.begin()->second.trash, unneeded);
        files_.erase(files_.begin());
    }
    return {};
}

std::set<std::string> UndoLog::needed_trash() const {
    std::set<std::string> names;
    for (const auto& [sequence, file] : files_)
        names.insert(file.trash.begin(), file.trash.end());
    return names;
}

}  // namespace pmemckpt::filed
