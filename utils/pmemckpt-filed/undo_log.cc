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

constexpr std::array<std::uint8_t, 8> kMagic{'P', 'M', 'C', 'K', 'U', 'N', 'D', 'O'};

/// At the begin of a file.
struct FileHead {
    Uuid salt{};
    sync::Digest digest{};
    static void fields(auto& s, auto& c) { c(s.salt), c(s.digest); }
};
constexpr std::size_t kFileHeadBytes = 16 + 32;

sync::Digest digest_of_head(const std::string& name, const Uuid& salt) {
    sync::Digester digester;
    digester.add(std::as_bytes(std::span(name)));
    digester.add(std::as_bytes(std::span(salt)));
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

Result<FileDescriptor> UndoLog::open_file(const std::string& name, int flags) const {
    FileDescriptor file(::openat(folder_.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
    if (!file)
        return fail_errno(errno, "can't open undo log {}", name);
    return file;
}

Result<UndoLog> UndoLog::open(FileDescriptor folder) {
    UndoLog log(std::move(folder));
    TRY(log.find_files());
    for (auto& [sequence, file] : log.files_)
        TRY(log.find_entries(file));
    TRY(log.open_newest());
    return log;
}

Status UndoLog::find_files() {
    for (const auto& name : TRY(names_in(folder_.get()))) {
        const auto parsed = parse(name);
        if (parsed && !files_.emplace(parsed->sequence, File{parsed->id, name}).second)
            return fail(EBADMSG, "there are two undo logs with sequence {}: one of them was copied there",
                        parsed->sequence);
    }
    if (!files_.empty() && files_.rbegin()->first - files_.begin()->first != files_.size() - 1)
        return fail(EBADMSG, "of the undo logs with sequences {} to {} only {} are there: bring them back",
                    files_.begin()->first, files_.rbegin()->first, files_.size());
    return {};
}

void UndoLog::note(File& file, const Change& change, std::uint64_t end) {
    if (change.kind == Change::Kind::removed)
        file.trash.push_back(change.other);
    file.entries.push_back(file.end);
    file.end = end;
}

Status UndoLog::write_head(int opened, File& file) {
    const FileHead head{random_uuid(), {}};
    wire::Encoder encoded;
    encoded(FileHead{head.salt, digest_of_head(file.name, head.salt)});
    TRY(cut_file(opened, file.name, 0));
    TRY(sync::write_at(opened, 0, encoded.bytes(), file.name));
    TRY(sync::bring_to_disk(opened, file.name));
    file.salt = head.salt;
    file.end = file.durable_end = kFileHeadBytes;
    return {};
}

Status UndoLog::read_head(int opened, File& file) {
    std::vector<std::byte> bytes(kFileHeadBytes);
    TRY(sync::read_at(opened, 0, bytes, file.name));
    FileHead head;
    wire::Decoder decoder(bytes);
    decoder(head);
    if (digest_of_head(file.name, head.salt) != head.digest)
        return fail(EBADMSG, "undo log {} is damaged at its begin, or is another one's: bring it back",
                    file.name);
    file.salt = head.salt;
    file.end = kFileHeadBytes;
    return {};
}

/// What a crash has cut off at the end was of changes that were not made.
Status UndoLog::find_entries(File& file) const {
    const auto opened = TRY(open_file(file.name, 0));
    const auto size = TRY(size_of(opened.get(), file.name));
    if (size <= kFileHeadBytes)  // nothing is added before its head is on disk
        return write_head(opened.get(), file);
    TRY(read_head(opened.get(), file));
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
        TRY(cut_file(opened.get(), file.name, file.end));
    TRY(sync::bring_to_disk(opened.get(), file.name));
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
            return fail(
                EBADMSG,
                "undo log {} is damaged between {} and {}: what was changed before can't be undone; with "
                "the service's own folder moved away it begins anew, with the files as they are",
                file.name, file.end, behind->at);
        from = behind->end;
    }
}

Status UndoLog::open_newest() {
    newest_.reset();
    if (!files_.empty())
        newest_ = TRY(open_file(files_.rbegin()->second.name, 0));
    return {};
}

Error UndoLog::give_up(const Error& why) {
    failed_ = Error{EIO, fmt::format("the undo log can't be trusted any more, roll back: {}", why.message)};
    return *failed_;
}

Status UndoLog::begin(const sync::SyncPointId& id) {
    if (failed_)
        return tl::unexpected(*failed_);
    if (files_.size() == kMostUndoFiles)
        return fail(ENOSPC, "{} sync points were saved and never taken, the limit: roll back", files_.size());
    const auto sequence = files_.empty() ? 1 : files_.rbegin()->first + 1;
    const auto name = to_text({sequence, id});
    const auto begun = files_.emplace(sequence, File{id, name}).first;
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
    newest_ = TRY(open_file(file.name, O_CREAT | O_TRUNC));
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
    TRY(sync::write_at(newest_.get(), file.end, entry.bytes(), file.name));
    if (raw_at == behind)
        TRY(sync::write_at(newest_.get(), raw_at, raw.bytes, file.name));
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
    if (const auto flushed = sync::bring_to_disk(newest_.get(), file.name); !flushed)
        return tl::unexpected(give_up(flushed.error()));
    file.durable_end = file.end;
    return {};
}

Status UndoLog::cut(std::uint64_t end) {
    auto& file = files_.rbegin()->second;
    TRY(cut_file(newest_.get(), file.name, end));
    file.end = file.durable_end = end;
    while (!file.entries.empty() && file.entries.back() >= end)
        file.entries.pop_back();
    return sync::bring_to_disk(newest_.get(), file.name);
}

/// EBADMSG when there is none.
Result<UndoLog::Entry> UndoLog::read_entry(int opened, const File& file, std::uint64_t at) {
    std::vector<std::byte> bytes(kEntryHeaderBytes);
    TRY(sync::read_at(opened, at, bytes, file.name));
    EntryHeader header;
    wire::Decoder decoder(bytes);
    decoder(header);
    const auto damaged = fail(EBADMSG, "undo log {} is damaged at {}", file.name, at);
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
    TRY(sync::read_at(opened, at + kEntryHeaderBytes, body, file.name));
    TRY(sync::read_at(opened, raw_at, entry.raw, file.name));
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
        TRY(sync::read_at(opened, from, std::span(piece).first(count), file.name));
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

Status UndoLog::remove_file(const std::string& name) const {
    if (::unlinkat(folder_.get(), name.c_str(), 0) != 0 && errno != ENOENT)
        return fail_errno(errno, "can't remove undo log {}", name);
    return sync::bring_to_disk(folder_.get(), "the undo log's folder");
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
        TRY(remove_file(newest->second.name));
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
        TRY(remove_file(files_.begin()->second.name));
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
