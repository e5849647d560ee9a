#include "fuse/unread.hh"

#include <cerrno>

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
    if (log.log_id == 0 || read >= log.records)
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
    parts.reached = cursor;
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

Result<UnreadParts> look_for_unread(Source& source, const std::string& backup, const std::string& region) {
    for (int look = 0; look < kLooks; ++look) {
        auto parts = look_once(source, backup, region);
        if (parts || parts.error().code != ESTALE)
            return parts;
    }
    return fail(EAGAIN, "generations of {} were sealed while what {} has not read was looked for, {} times",
                region, backup, kLooks);
}

Unread::Unread(Source& source, std::string region, UnreadParts parts)
    : source_(source), region_(std::move(region)), parts_(std::move(parts)) {
    std::uint64_t end = 0;
    for (const auto& generation : parts_.generations)
        ends_.push_back(end += generation.length);
    if (parts_.log.log_id != 0)
        log_ = source_.open_log(region_, parts_.log);
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

/// Of the part that has `offset`. 0 at the end.
Result<std::size_t> Unread::read_some(std::uint64_t offset, std::span<std::byte> into) {
    const auto index =
        static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), offset) - ends_.begin());
    const auto start = index == 0 ? 0 : ends_[index - 1];
    if (index == ends_.size())
        return offset < parts_.size() ? read_log(offset - start, into) : 0;
    const auto part = into.first(std::min<std::uint64_t>(into.size(), ends_[index] - offset));
    const auto got = TRY(read_generation(index, offset - start, part));
    if (got < part.size())
        return fail(EIO, "a read of {} bytes brought {}", part.size(), got);
    return got;
}

void Unread::note(std::uint64_t offset, std::size_t size) {
    if (offset <= read_to_ && offset + size > read_to_)
        read_to_ = offset + size;
    if (size == 0 && read_to_ == parts_.size())
        saw_end_ = true;
}

Result<std::size_t> Unread::read(std::uint64_t offset, std::span<std::byte> into) {
    const std::lock_guard lock(mutex_);
    std::size_t done = 0;
    while (done < into.size()) {
        const auto got = TRY(read_some(offset + done, into.subspan(done)));
        if (got == 0)
            break;
        done += got;
    }
    if (!into.empty())
        note(offset, done);
    return done;
}

// EINVAL: another reader of this name is further already, or the log has ended: what ended it is unread.
Status Unread::close() {
    const std::lock_guard lock(mutex_);
    if (!saw_end_ || parts_.is_nothing())
        return {};
    const auto moved = source_.advance_cursor(region_, parts_.reached);
    if (!moved && moved.error().code != EINVAL)
        return moved;
    saw_end_ = false;
    return {};
}

}  // namespace pmemckpt::view
