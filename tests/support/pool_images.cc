#include "tests/support/pool_images.hh"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "lib/base/crc32c.hh"
#include "lib/format/log_record.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::test {

namespace {

constexpr std::size_t kAll = SIZE_MAX;

/// Images come and go by the thousand: their memory stays mapped.
void keep_freed_memory() {
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

}  // namespace

Image fresh_image(std::uint64_t size, std::uint64_t page_size) {
    keep_freed_memory();
    pool::CreateOptions options;
    options.path = (directory() / "fresh").string();
    options.size = size;
    options.page_size = page_size;
    options.replace = true;
    options.uuid = pool::Uuid{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    ok(pool::Pool::create(options, pool_key()));
    const auto medium = ok(media::open_medium(options.path, media::Use::read_only));
    const auto bytes = medium->bytes();
    Image image(bytes.begin(), bytes.end());
    std::filesystem::remove(options.path);
    return image;
}

std::shared_ptr<Tape> make_tape(Image image) {
    return std::make_shared<Tape>(std::move(image));
}

Result<std::unique_ptr<pool::Pool>> open_tape(const std::shared_ptr<Tape>& tape) {
    return pool::Pool::open(std::make_unique<RecordingMedium>(tape), pool_key());
}

Result<std::unique_ptr<pool::Pool>> open_image(Image image) {
    return open_tape(std::make_shared<Tape>(std::move(image), false));
}

std::vector<std::byte> content(pool::Pool& pool, const std::vector<std::uint64_t>& page_offsets,
                               std::uint64_t length) {
    std::vector<std::byte> bytes;
    bytes.reserve(length);
    const auto medium = pool.medium().bytes();
    for (const auto offset : page_offsets) {
        const auto page = medium.subspan(offset, std::min(pool.page_size(), length - bytes.size()));
        bytes.insert(bytes.end(), page.begin(), page.end());
    }
    return bytes;
}

std::vector<std::byte> content(pool::Pool& pool, const pool::Generation& generation) {
    return content(pool, generation.page_offsets(), generation.info().length);
}

void fill(pool::Pool& pool, const pool::Draft& draft, std::span<const std::byte> bytes) {
    const auto medium = pool.medium().bytes();
    for (const auto offset : draft.page_offsets()) {
        const auto piece = bytes.first(std::min<std::size_t>(pool.page_size(), bytes.size()));
        if (!piece.empty())
            std::memcpy(medium.data() + offset, piece.data(), piece.size());
        bytes = bytes.subspan(piece.size());
    }
}

Result<pool::GenerationInfo> save(pool::Pool& pool, const std::string& region,
                                  std::span<const std::byte> bytes, const std::string& writer) {
    auto draft = TRY(pool.begin(region, bytes.size()));
    fill(pool, *draft, bytes);
    return pool.seal(std::move(draft), bytes.size(), crc32c(bytes), writer);
}

Result<pool::GenerationInfo> save_clone(pool::Pool& pool, const std::string& region,
                                        std::span<const std::byte> bytes, const std::vector<Extent>& ranges) {
    auto draft = TRY(pool.begin_clone(region, bytes.size(), {0, ranges}));
    const auto medium = pool.medium().bytes();
    for (const auto& [at, size] : ranges)
        for (std::uint64_t byte = at.bytes; byte < at.bytes + size.bytes; ++byte)
            medium[draft->page_offsets()[byte / pool.page_size()] + byte % pool.page_size()] = bytes[byte];
    return pool.seal(std::move(draft), bytes.size(), crc32c(bytes), "tester");
}

LogWriter::LogWriter(pool::Pool& pool, pool::LogGrant grant)
    : pool_(&pool), grant_(std::move(grant)), sequence_(grant_.next_sequence), end_(grant_.log.bytes) {}

void LogWriter::add_segments(pool::LogGrant more) {
    grant_.log.capacity = more.log.capacity;
    grant_.segments.insert(grant_.segments.end(), more.segments.begin(), more.segments.end());
    grant_.pages = std::move(more.pages);
}

std::vector<Extent> LogWriter::pieces(std::uint64_t from, std::uint64_t to) const {
    std::vector<Extent> found;
    const auto page_size = pool_->page_size();
    for (const auto& segment : grant_.segments)
        while (from < to && from >= segment.start && from < segment.start + segment.size) {
            const auto within = from - segment.start;
            const auto size = std::min(to - from, page_size - within % page_size);
            found.push_back({{segment.page_offsets.at(within / page_size) + within % page_size}, {size}});
            from += size;
        }
    CHECK(from == to);
    return found;
}

void LogWriter::put(std::uint64_t at, std::span<const std::byte> bytes) {
    const auto medium = pool_->medium().bytes();
    for (const auto& [place, size] : pieces(at, at + bytes.size())) {
        std::memcpy(medium.data() + place.bytes, bytes.data(), size.bytes);
        bytes = bytes.subspan(size.bytes);
    }
}

void LogWriter::persist(std::uint64_t from, std::uint64_t to) {
    for (const auto& piece : pieces(from, to))
        ok(pool_->medium().persist(piece));
}

void LogWriter::store(std::span<const std::byte> payload) {
    const auto header =
        format::log_record_header({grant_.log.id, grant_.epoch, grant_.log.term}, sequence_++, payload);
    put(end_, std::as_bytes(std::span(&header, 1)));
    put(end_ + sizeof header, payload);
    end_ += format::log_record_bytes(payload.size());
}

void LogWriter::append(std::span<const std::byte> payload) {
    const auto start = end_;
    store(payload);
    persist(start, end_);
}

std::vector<std::vector<std::byte>> log_payloads(pool::Pool& pool, const std::string& region) {
    const auto view = ok(pool.read_log(region));
    std::vector<std::uint64_t> offsets;
    for (const auto& segment : view.segments)
        offsets.insert(offsets.end(), segment.page_offsets.begin(), segment.page_offsets.end());
    const auto bytes = content(pool, offsets, view.log.bytes);
    std::vector<std::vector<std::byte>> payloads;
    format::LogPosition last;
    for (std::uint64_t at = 0; at < bytes.size();) {
        const auto rest = std::span<const std::byte>(bytes).subspan(at);
        const auto header =
            format::claimed_log_record(rest, last, {view.log.id, view.epoch, view.log.term}, rest.size());
        CHECK(header.has_value());
        const auto payload = rest.subspan(sizeof *header, header->length);
        CHECK(format::log_record_crc(*header, payload) == header->crc32c);
        payloads.emplace_back(payload.begin(), payload.end());
        last = {header->sequence, header->epoch, header->term};
        at += format::log_record_bytes(header->length);
    }
    equal(std::uint64_t{payloads.size()}, view.log.records);
    return payloads;
}

namespace {

std::string log_digest(pool::Pool& pool, const std::string& region) {
    const auto view = ok(pool.read_log(region));
    if (view.log.id == 0)
        return {};
    return fmt::format("  log {:x} term {} after {} capacity {} records {} bytes {}\n", view.log.id,
                       view.log.term, view.generation, view.log.capacity, view.log.records, view.log.bytes);
}

}  // namespace

std::string digest(pool::Pool& pool) {
    std::string text;
    for (const auto& region : pool.regions("", kAll)) {
        text += fmt::format("{} id {} owner {} keep {} age {} max {} epoch {} newest {} n {} bytes {}\n",
                            region.name, region.id, region.owner, region.settings.keep,
                            region.settings.keep_age_ns, region.settings.max_size, region.epoch,
                            region.newest, region.generations, region.bytes);
        for (const auto& info : ok(pool.generations(region.name, 0, kAll))) {
            const auto generation = ok(pool.open_generation(region.name, info.number));
            const bool whole = crc32c(content(pool, *generation)) == info.crc32c;
            text += fmt::format("  {} length {} crc {:08x} writer {}{}{}\n", info.number, info.length,
                                info.crc32c, info.writer, info.pinned ? " pinned" : "", whole ? "" : " TORN");
        }
        text += log_digest(pool, region.name);
        for (const auto& cursor : ok(pool.cursors(region.name)))
            text += fmt::format("  cursor {} at {} {}\n", cursor.name, cursor.generation, cursor.sequence);
        for (const auto& grant : ok(pool.grants(region.name)))
            text += fmt::format("  {} may {}\n", grant.grantee, to_string(grant.rights));
    }
    return text;
}

std::string digest_of(Image image) {
    const auto pool = open_image(std::move(image));
    return pool ? digest(**pool) : fmt::format("error {}: {}", pool.error().code, pool.error().message);
}

std::string pages_owned_twice(pool::Pool& pool) {
    std::set<std::uint64_t> of_others;  // no page of any region before, and of no log
    std::string twice;
    const auto add = [&](std::set<std::uint64_t>& seen, const std::vector<std::uint64_t>& offsets,
                         const std::string& what) {
        std::set<std::uint64_t> own;
        for (const auto offset : offsets)
            if (of_others.contains(offset) || !own.insert(offset).second)
                twice += fmt::format("{}: page at {}\n", what, offset);
        seen.insert(own.begin(), own.end());
    };
    for (const auto& region : pool.regions("", kAll))
        for (const auto& segment : ok(pool.read_log(region.name)).segments)
            add(of_others, segment.page_offsets, "log of " + region.name);
    for (const auto& region : pool.regions("", kAll)) {
        std::set<std::uint64_t> of_this;
        for (const auto& info : ok(pool.generations(region.name, 0, kAll)))
            add(of_this, ok(pool.open_generation(region.name, info.number))->page_offsets(),
                fmt::format("{} generation {}", region.name, info.number));
        of_others.merge(of_this);
    }
    return twice;
}

}  // namespace pmemckpt::test
