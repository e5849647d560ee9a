#include "fuse/unread.hh"

#include <cerrno>
#include <utility>

#include "lib/base/crc32c.hh"

namespace pmemckpt::view {

namespace {

constexpr int kLooks = 8;  // at a region in which something is sealed between two questions

bool is_behind(const wire::Cursor& cursor, std::uint64_t generation) {
    return cursor.generation < generation;
}

/// The records that the cursor has not got. ESTALE when the log ended meanwhile.
Status add_log(Source& source, const std::string& region, const wire::LogState& log, UnreadParts& parts) {
    const bool within = parts.reached.generation == log.generation;
    const auto read = within ? parts.reached.sequence : 0;
    if (within && read > log.records)
        return fail(EBADMSG,
                    "{} has read {} records of the log of {}, which has {} now: it was damaged; save a "
                    "generation, which ends it",
                    parts.reached.name, read, region, log.records);
    if (log.log_id == 0 || read == log.records)
        return {};
    parts.log_from = read == 0 ? 0 : TRY(source.payload_before(region, log, read));
    parts.log = log;
    parts.reached.generation = log.generation;
    parts.reached.sequence = log.records;
    return {};
}

Result<UnreadParts> look_once(Source& source, const std::string& backup, const std::string& region) {
    UnreadParts parts;
    const auto cursor = TRY(source.cursor(region, backup));
    const auto log = TRY(source.log(region));
    parts.region_id = log.region_id;
    parts.cursor = parts.reached = cursor;
    parts.reached.name = backup;
    if (is_behind(cursor, log.generation)) {
        for (auto& generation : TRY(source.generations(region)))
            if (is_behind(cursor, generation.number) && generation.number <= log.generation)
                parts.generations.push_back(std::move(generation));
        parts.reached.generation = log.generation;
        parts.reached.sequence = 0;
    }
    TRY(add_log(source, region, log, parts));
    return parts;
}

}  // namespace

std::uint64_t UnreadParts::size() const {
    std::uint64_t size = log.payload_bytes - log_from;
    for (const auto& generation : generations)
        size += generation.length;
    return size;
}

std::string UnreadParts::text() const {
    std::string text;
    for (const auto& generation : generations)
        text += fmt::format("{}{}:{}", text.empty() ? "" : " ", generation.number, generation.length);
    if (log.log_id != 0)
        text +=
            fmt::format("{}{}.log:{}", text.empty() ? "" : " ", log.generation, log.payload_bytes - log_from);
    return text;
}

std::string UnreadParts::identity() const {
    return fmt::format("{}:{}.{}-{}.{}:{:x}", region_id, cursor.generation, cursor.sequence,
                       reached.generation, reached.sequence, log.log_id);
}

Result<UnreadParts> look_for_unread(Source& source, const std::string& backup, const std::string& region) {
    for (int look = 0; look < kLooks; ++look) {
        auto parts = look_once(source, backup, region);
        if (parts || parts.error().code != ESTALE)
            return parts;
    }
    return fail(EAGAIN, "generations of {} were sealed while what {} has not read was looked for, {} times",
                region, backup, kLooks);
}

Unread::Unread(Source& source, std::string region, std::shared_ptr<const UnreadParts> parts)
    : source_(source), region_(std::move(region)), shared_parts_(std::move(parts)) {
    std::uint64_t end = 0;
    for (const auto& generation : parts_.generations)
        ends_.push_back(end += generation.length);
}

Result<std::shared_ptr<Unread>> Unread::open(Source& source, const std::string& region,
                                             std::shared_ptr<const UnreadParts> parts) {
    std::shared_ptr<Unread> file(new Unread(source, region, std::move(parts)));
    if (file->parts_.log.log_id != 0)
        file->log_ = TRY(source.open_log(region, file->parts_.log));
    return file;
}

// One generation is open at a time. One that retention has dropped since is ESTALE: the next open shows what
// there is then.
Result<std::size_t> Unread::read_generation(std::size_t index, std::uint64_t offset,
                                            std::span<std::byte> into) {
    const auto& wanted = parts_.generations[index];
    if (!content_ || content_index_ != index) {
        content_.reset();
        auto content = source_.open(region_, wanted.number);
        if (!content && content.error().code != ENOENT && content.error().code != ENODATA)
            return tl::unexpected(content.error());
        if (!content || (*content)->generation().region_id != wanted.region_id)
            return fail(ESTALE, "generation {} of {} was dropped before it was read", wanted.number, region_);
        content_ = std::move(*content);
        content_index_ = index;
    }
    return content_->read(offset, into);
}

Result<std::size_t> Unread::read_log(std::uint64_t offset, std::span<std::byte> into) {
    const auto left = parts_.log.payload_bytes - parts_.log_from - offset;
    const auto part = into.first(std::min<std::uint64_t>(into.size(), left));
    const auto got = TRY(log_->read(parts_.log_from + offset, part));
    if (got < part.size())
        return fail(ESTALE, "the log of {} behind generation {} is gone", region_, parts_.log.generation);
    return got;
}

std::size_t Unread::part_with(std::uint64_t offset) const {
    return static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), offset) - ends_.begin());
}

/// Of the part that has `offset`. 0 at the end.
Result<std::size_t> Unread::read_some(std::uint64_t offset, std::span<std::byte> into) {
    const auto index = part_with(offset);
    const auto start = index == 0 ? 0 : ends_[index - 1];
    if (index == ends_.size())
        return offset < parts_.size() ? read_log(offset - start, into) : 0;
    const auto part = into.first(std::min<std::uint64_t>(into.size(), ends_[index] - offset));
    const auto got = TRY(read_generation(index, offset - start, part));
    if (got < part.size())
        return fail(EIO, "a read of {} bytes brought {}", part.size(), got);
    return got;
}

/// What is read for the first time, and in order; it is of one part. Records were verified already.
Status Unread::count(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (offset > read_to_ || offset + bytes.size() <= read_to_)
        return {};
    const auto fresh = bytes.subspan(read_to_ - offset);
    const auto index = part_with(read_to_);
    read_to_ += fresh.size();
    if (index == ends_.size())
        return {};
    crc_ = crc32c(fresh, crc_);
    if (read_to_ < ends_[index])
        return {};
    const auto& generation = parts_.generations[index];
    if (const auto crc = std::exchange(crc_, 0); crc != generation.crc32c)
        damage_ = Error{EBADMSG,
                        fmt::format("generation {} of {} is damaged: its {} bytes have crc32c={:08x}, "
                                    "sealed was crc32c={:08x}",
                                    generation.number, region_, generation.length, crc, generation.crc32c)};
    return damage_ ? Status(tl::unexpected(*damage_)) : Status();
}

Result<std::size_t> Unread::read(std::uint64_t offset, std::span<std::byte> into) {
    const std::lock_guard lock(mutex_);
    if (damage_)
        return tl::unexpected(*damage_);
    std::size_t done = 0;
    while (done < into.size()) {
        const auto got = TRY(read_some(offset + done, into.subspan(done)));
        if (got == 0)
            break;
        TRY(count(offset + done, into.subspan(done, got)));
        done += got;
    }
    return done;
}

Result<std::size_t> Unread::read_for(std::uint64_t owner, std::uint64_t offset, std::span<std::byte> into) {
    const auto got = read(offset, into);
    const std::lock_guard lock(mutex_);
    if (got && *got == 0 && !into.empty() && read_to_ == parts_.size())
        saw_end_ = owner;
    return got;
}

// EINVAL: another reader of this name is further already. ESTALE: the region or its log is another one now;
// what it has is unread.
Status Unread::close(std::uint64_t owner) {
    const std::lock_guard lock(mutex_);
    if (saw_end_ != owner || parts_.is_nothing())
        return {};
    const auto moved = source_.advance_cursor(region_, parts_.reached, {parts_.region_id, parts_.log.log_id});
    if (!moved && moved.error().code != EINVAL && moved.error().code != ESTALE)
        return moved;
    saw_end_.reset();
    return {};
}

}  // namespace pmemckpt::view
