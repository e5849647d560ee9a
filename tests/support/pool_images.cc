#include "tests/support/pool_images.hh"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "lib/base/crc32c.hh"
#include "tests/support/check.hh"

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
    options.manager_key.fill(7);
    options.uuid = pool::Uuid{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    ok(pool::Pool::create(options));
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
    return pool::Pool::open(std::make_unique<RecordingMedium>(tape));
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

std::string digest(pool::Pool& pool) {
    std::string text;
    for (const auto& region : pool.regions("", kAll)) {
        text +=
            fmt::format("{} id {} owner {} keep {} max {} epoch {} newest {} n {} bytes {}\n", region.name,
                        region.id, region.owner, region.settings.keep, region.settings.max_size, region.epoch,
                        region.newest, region.generations, region.bytes);
        for (const auto& info : ok(pool.generations(region.name, 0, kAll))) {
            const auto generation = ok(pool.open_generation(region.name, info.number));
            const bool whole = crc32c(content(pool, *generation)) == info.crc32c;
            text += fmt::format("  {} length {} crc {:08x} writer {}{}\n", info.number, info.length,
                                info.crc32c, info.writer, whole ? "" : " TORN");
        }
    }
    return text;
}

std::string digest_of(Image image) {
    const auto pool = open_image(std::move(image));
    return pool ? digest(**pool) : fmt::format("error {}: {}", pool.error().code, pool.error().message);
}

std::string pages_owned_twice(pool::Pool& pool) {
    std::set<std::uint64_t> seen;
    std::string twice;
    for (const auto& region : pool.regions("", kAll))
        for (const auto& info : ok(pool.generations(region.name, 0, kAll)))
            for (const auto offset : ok(pool.open_generation(region.name, info.number))->page_offsets())
                if (!seen.insert(offset).second)
                    twice += fmt::format("{} generation {}: page at {}\n", region.name, info.number, offset);
    return twice;
}

}  // namespace pmemckpt::test
