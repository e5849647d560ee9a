#include "utils/pmemckpt-filed/undo_log.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "lib/sync/table_file.hh"

namespace pmemckpt::filed {

namespace {

constexpr std::string_view kSuffix = ".undo";

/// Before each change.
struct EntryHeader {
    std::uint32_t body_bytes = 0, raw_bytes = 0;
    sync::Digest digest{};  ///< of body and raw bytes
    static void fields(auto& s, auto& c) { c(s.body_bytes), c(s.raw_bytes), c(s.digest); }
};
constexpr std::size_t kEntryHeaderBytes = 4 + 4 + 32;
constexpr std::uint32_t kMostBodyBytes = 16 * 1024, kMostRawBytes = 2 * 1024 * 1024;

/// What the name of a file says.
struct Name {
    std::uint64_t sequence = 0;
    sync::SyncPointId id;
};

std::string to_text(const Name& name) {
    std::string tag;
    for (const auto byte : name.id.tag)
        tag += fmt::format("{:02x}", byte);
    return fmt::format("{}-{}-{}{}", name.sequence, name.id.number, tag, kSuffix);
}

std::optional<Name> parse_name(std::string_view text) {
    Name name;
    for (auto* const number : {&name.sequence, &name.id.number}) {
        const auto dash = text.find('-');
        if (dash == std::string_view::npos)
            return std::nullopt;
        const auto [end, status] = std::from_chars(text.data(), text.data() + dash, *number);
        if (status != std::errc() || end != text.data() + dash)
            return std::nullopt;
        text.remove_prefix(dash + 1);
    }
    if (text.size() != 2 * name.id.tag.size() + kSuffix.size() || !text.ends_with(kSuffix))
        return std::nullopt;
    for (std::size_t i = 0; i < name.id.tag.size(); ++i) {
        const auto* const digits = text.data() + 2 * i;
        const auto [end, status] = std::from_chars(digits, digits + 2, name.id.tag[i], 16);
        if (status != std::errc() || end != digits + 2)
            return std::nullopt;
    }
    return name;
}

std::vector<std::string> names_in(int folder) {
    std::vector<std::string> names;
    const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, Closer<::closedir>> directory(copy < 0 ? nullptr : ::fdopendir(copy));
    while (const auto* entry = directory ? ::readdir(directory.get()) : nullptr)
        names.emplace_back(entry->d_name);
    return names;
}

}  // namespace

Result<UndoLog::File> UndoLog::open_file(const std::string& name, int flags) const {
    File file;
    file.name = name;
    file.file.reset(::openat(folder_.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
    if (!file.file)
        return fail_errno(errno, "can't open undo log {}", name);
    return file;
}

Result<UndoLog> UndoLog::open(FileDescriptor folder) {
    UndoLog log(std::move(folder));
    for (const auto& name : names_in(log.folder_.get())) {
        const auto parsed = parse_name(name);
        if (!parsed)
            continue;
        auto file = TRY(log.open_file(name, 0));
        file.id = parsed->id;
        TRY(entries_of(file));  // where it ends: a change that was cut off was not made
        log.files_.emplace(parsed->sequence, std::move(file));
    }
    return log;
}

Status UndoLog::begin(const sync::SyncPointId& id) {
    const auto sequence = files_.empty() ? 1 : files_.rbegin()->first + 1;
    auto file = TRY(open_file(to_text({sequence, id}), O_CREAT | O_TRUNC));
    file.id = id;
    TRY(sync::bring_to_disk(file.file.get(), file.name));
    TRY(sync::bring_to_disk(folder_.get(), "the undo log's folder"));
    files_.emplace(sequence, std::move(file));
    return {};
}

/// The last one.
UndoLog::Files::iterator UndoLog::find(const sync::SyncPointId& id) {
    for (auto at = files_.end(); at != files_.begin();)
        if ((--at)->second.id == id)
            return at;
    return files_.end();
}

Status UndoLog::add(const Change& change, std::span<const std::byte> raw) {
    auto& file = files_.rbegin()->second;
    wire::Encoder body;
    body(change);
    EntryHeader header;
    header.body_bytes = static_cast<std::uint32_t>(body.bytes().size());
    header.raw_bytes = static_cast<std::uint32_t>(raw.size());
    sync::Digester digester;
    digester.add(body.bytes());
    digester.add(raw);
    header.digest = digester.end();
    wire::Encoder entry;
    entry(header);
    entry.append(body.bytes());
    const auto first = entry.bytes().size();
    TRY(sync::write_at(file.file.get(), file.end, entry.bytes(), file.name));
    TRY(sync::write_at(file.file.get(), file.end + first, raw, file.name));
    file.before_last = std::exchange(file.end, file.end + first + raw.size());
    return {};
}

Status UndoLog::flush() {
    const auto& file = files_.rbegin()->second;
    return sync::bring_to_disk(file.file.get(), file.name);
}

Status UndoLog::withdraw() {
    auto& file = files_.rbegin()->second;
    return cut(file, file.before_last, true);
}

Status UndoLog::cut(File& file, std::uint64_t end, bool durably) {
    if (::ftruncate(file.file.get(), static_cast<off_t>(end)) != 0)
        return fail_errno(errno, "can't cut undo log {} at {}", file.name, end);
    file.end = end;
    return durably ? sync::bring_to_disk(file.file.get(), file.name) : Status();
}

Result<UndoLog::Entry> UndoLog::read_entry(const File& file, std::uint64_t at) {
    std::vector<std::byte> bytes(kEntryHeaderBytes);
    TRY(sync::read_at(file.file.get(), at, bytes, file.name));
    EntryHeader header;
    wire::Decoder decoder(bytes);
    decoder(header);
    if (header.body_bytes > kMostBodyBytes || header.raw_bytes > kMostRawBytes)
        return fail(EBADMSG, "undo log {} is damaged at {}", file.name, at);
    std::vector<std::byte> body(header.body_bytes);
    Entry entry;
    entry.at = at;
    entry.raw.resize(header.raw_bytes);
    TRY(sync::read_at(file.file.get(), at + kEntryHeaderBytes, body, file.name));
    TRY(sync::read_at(file.file.get(), at + kEntryHeaderBytes + body.size(), entry.raw, file.name));
    sync::Digester digester;
    digester.add(body);
    digester.add(entry.raw);
    if (digester.end() != header.digest)
        return fail(EBADMSG, "undo log {} is damaged at {}", file.name, at);
    entry.change = TRY(wire::decode_body<Change>(body));
    return entry;
}

/// Where each begins; the file's end is behind the last that is whole.
Result<std::vector<std::uint64_t>> UndoLog::entries_of(File& file) {
    std::vector<std::uint64_t> places;
    std::uint64_t at = 0;
    const auto size = ::lseek(file.file.get(), 0, SEEK_END);
    while (size > 0 && at < static_cast<std::uint64_t>(size)) {
        const auto entry = read_entry(file, at);
        if (!entry && entry.error().code != EBADMSG)
            return tl::unexpected(entry.error());
        if (!entry)
            break;
        places.push_back(at);
        wire::Encoder body;
        body(entry->change);
        at += kEntryHeaderBytes + body.bytes().size() + entry->raw.size();
    }
    file.end = at;
    return places;
}

Status UndoLog::undo_file(File& file, const Undo& undo, const std::function<Status()>& flushed) {
    auto places = TRY(entries_of(file));
    while (!places.empty()) {
        const auto entry = TRY(read_entry(file, places.back()));
        places.pop_back();
        if (entry.change.is_of_names()) {
            TRY(flushed());  // the bytes that were put back, before the log forgets them
            const auto behind = file.end;
            TRY(cut(file, behind, true));
        }
        TRY(undo(entry.change, entry.raw));
        file.end = entry.at;
        if (entry.change.is_of_names())
            TRY(cut(file, entry.at, true));
    }
    TRY(flushed());
    return cut(file, 0, true);
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
        const auto newest = std::prev(files_.end());
        TRY(undo_file(newest->second, undo, flushed));
        if (newest == wanted)
            return {};
        TRY(remove_file(newest->second.name));
        files_.erase(newest);
    }
}

Result<std::vector<std::string>> UndoLog::forget_before(const sync::SyncPointId& id) {
    std::vector<std::string> trash;
    const auto oldest = find(id);
    while (oldest != files_.end() && files_.begin() != oldest) {
        auto& file = files_.begin()->second;
        for (const auto at : TRY(entries_of(file))) {
            const auto entry = TRY(read_entry(file, at));
            if (entry.change.kind == Change::Kind::removed)
                trash.push_back(entry.change.other);
        }
        TRY(remove_file(file.name));
        files_.erase(files_.begin());
    }
    return trash;
}

}  // namespace pmemckpt::filed
