#include "utils/pmemckpt-filed/undo_file.hh"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "lib/base/units.hh"
#include "lib/sync/file_io.hh"

namespace pmemckpt::filed {

namespace {

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

}  // namespace

Result<FileDescriptor> UndoFile::open_with(int folder, int flags) const {
    FileDescriptor opened(::openat(folder, name_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
    if (!opened)
        return fail_errno(errno, "can't open undo log {}", path_);
    return opened;
}

Status UndoFile::open(int folder) {
    opened_ = TRY(open_with(folder, 0));
    return {};
}

Status UndoFile::make(int folder, std::uint64_t bytes_before) {
    opened_ = TRY(open_with(folder, O_CREAT | O_TRUNC));
    FileHead head{random_uuid(), bytes_before, {}};
    head.digest = digest_of_head(name_, head);
    wire::Encoder encoded;
    encoded(head);
    TRY(sync::write_at(opened_.get(), 0, encoded.bytes(), path_));
    TRY(sync::bring_to_disk(opened_.get(), path_));
    salt_ = head.salt;
    bytes_before_ = bytes_before;
    end_ = durable_end_ = kFileHeadBytes;
    return {};
}

Status UndoFile::load(int folder) {
    const auto opened = TRY(open_with(folder, 0));
    struct stat status;
    if (::fstat(opened.get(), &status) != 0)
        return fail_errno(errno, "can't look at undo log {}", path_);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    auto head = read_head(opened.get());
    if (!head && head.error().code == EBADMSG && size <= kFileHeadBytes)
        return {};  // its begin was cut: nothing is added, or held, before its head is on disk
    TRY(std::move(head));
    while (end_ < size) {
        const auto entry = read_entry(opened.get(), end_);
        if (!entry && entry.error().code != EBADMSG)
            return tl::unexpected(entry.error());
        if (!entry)
            break;
        note(entry->change, entry->end);
    }
    TRY(check_is_torn(opened.get(), size));
    if (size != end_ && ::ftruncate(opened.get(), static_cast<off_t>(end_)) != 0)
        return fail_errno(errno, "can't cut undo log {} at {}", path_, end_);
    TRY(sync::bring_to_disk(opened.get(), path_));
    durable_end_ = end_;
    return {};
}

Status UndoFile::read_head(int opened) {
    std::vector<std::byte> bytes(kFileHeadBytes);
    TRY(sync::read_at(opened, 0, bytes, path_));
    FileHead head;
    wire::Decoder decoder(bytes);
    decoder(head);
    if (digest_of_head(name_, head) != head.digest)
        return fail(EBADMSG, "undo log {} is damaged at its begin, or is another one's: {}", path_, kWaysOut);
    salt_ = head.salt;
    bytes_before_ = head.bytes_before;
    end_ = kFileHeadBytes;
    return {};
}

/// Behind its end nothing was on disk for certain.
Status UndoFile::check_is_torn(int opened, std::uint64_t size) const {
    for (auto from = end_;;) {
        const auto behind = TRY(find_entry(opened, from, size));
        if (!behind)
            return {};
        if (behind->durable_end > end_)
            return fail(EBADMSG, "undo log {} is damaged between {} and {}: {}", path_, end_, behind->at,
                        kWaysOut);
        from = behind->end;
    }
}

void UndoFile::note(const Change& change, std::uint64_t end) {
    if (change.kind == Change::Kind::removed)
        trash_.push_back(change.other);
    entries_.push_back(end_);
    end_ = end;
}

Status UndoFile::add(const Change& change, std::span<const std::byte> raw, int shared_with) {
    wire::Encoder body;
    body(change);
    const auto behind = end_ + kEntryHeaderBytes + body.bytes().size();
    const auto block = round_up(behind, kSharedAlignment);
    const bool is_shared = share(block, change, raw, shared_with);
    const auto raw_at = is_shared ? block : behind;
    EntryHeader header;
    header.body_bytes = static_cast<std::uint32_t>(body.bytes().size());
    header.gap_bytes = static_cast<std::uint32_t>(raw_at - behind);
    header.raw_bytes = static_cast<std::uint32_t>(raw.size());
    header.durable_end = durable_end_;
    header.digest = digest_of_entry({name_, salt_, end_}, header, body.bytes(), raw);
    wire::Encoder entry;
    entry(header);
    entry.append(body.bytes());
    TRY(sync::write_at(opened_.get(), end_, entry.bytes(), path_));
    if (!is_shared)
        TRY(sync::write_at(opened_.get(), raw_at, raw, path_));
    note(change, raw_at + raw.size());
    return {};
}

/// Where it can't, the bytes are written.
bool UndoFile::share(std::uint64_t at, const Change& change, std::span<const std::byte> raw, int with) const {
    if (with < 0)
        return false;
    file_clone_range range{};
    range.src_fd = with;
    range.src_offset = change.at;
    range.src_length = raw.size();
    range.dest_offset = at;
    return ::ioctl(opened_.get(), FICLONERANGE, &range) == 0;
}

Status UndoFile::drop_rest() {
    if (::ftruncate(opened_.get(), static_cast<off_t>(end_)) != 0)
        return fail_errno(errno, "can't cut undo log {} at {}", path_, end_);
    return {};
}

Status UndoFile::flush() {
    if (end_ == durable_end_)
        return {};
    TRY(sync::bring_to_disk(opened_.get(), path_));
    durable_end_ = end_;
    return {};
}

Status UndoFile::cut(std::uint64_t end) {
    const auto before = std::exchange(end_, end);
    if (auto dropped = drop_rest(); !dropped) {
        end_ = before;
        return dropped;
    }
    durable_end_ = end;
    while (!entries_.empty() && entries_.back() >= end)
        entries_.pop_back();
    return sync::bring_to_disk(opened_.get(), path_);
}

Status UndoFile::cut_to_head() {
    TRY(cut(kFileHeadBytes));
    trash_.clear();
    return {};
}

/// EBADMSG when there is none.
Result<UndoFile::Entry> UndoFile::read_entry(int opened, std::uint64_t at) const {
    std::vector<std::byte> bytes(kEntryHeaderBytes);
    TRY(sync::read_at(opened, at, bytes, path_));
    EntryHeader header;
    wire::Decoder decoder(bytes);
    decoder(header);
    const auto damaged = fail(EBADMSG, "undo log {} is damaged at {}", path_, at);
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
    TRY(sync::read_at(opened, at + kEntryHeaderBytes, body, path_));
    TRY(sync::read_at(opened, raw_at, entry.raw, path_));
    if (digest_of_entry({name_, salt_, at}, header, body, entry.raw) != header.digest)
        return damaged;
    auto change = wire::decode_body<Change>(body);
    if (!change)
        return damaged;
    entry.change = std::move(*change);
    return entry;
}

/// The first one from there on.
Result<std::optional<UndoFile::Entry>> UndoFile::find_entry(int opened, std::uint64_t from,
                                                            std::uint64_t size) const {
    std::vector<std::byte> piece(kMiB);
    while (from + kEntryHeaderBytes <= size) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size - from, piece.size()));
        TRY(sync::read_at(opened, from, std::span(piece).first(count), path_));
        const auto* const at =
            static_cast<const std::byte*>(::memmem(piece.data(), count, kMagic.data(), kMagic.size()));
        if (!at) {
            from += count - std::min(count - 1, kMagic.size() - 1);
            continue;
        }
        from += static_cast<std::uint64_t>(at - piece.data());
        auto entry = read_entry(opened, from);
        if (entry)
            return std::move(*entry);
        if (entry.error().code != EBADMSG)
            return tl::unexpected(entry.error());
        ++from;
    }
    return std::nullopt;
}

}  // namespace pmemckpt::filed
