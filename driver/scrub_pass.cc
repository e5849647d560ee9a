#include "driver/scrub_pass.hh"

#include <algorithm>
#include <cerrno>
#include <span>

#include "lib/media/readable.hh"

namespace pmemckpt::driver {

namespace {

constexpr std::size_t kRegionsAtATime = 256;
/// Of regions and pools without a generation, in one step.
constexpr int kMaximumLooks = 256;

/// The CRC of these runs, after what came before. EBADMSG when one can't be read.
Result<std::uint32_t> checksum(std::span<const std::byte> medium, std::span<const Extent> runs,
                               std::uint32_t crc) {
    for (const auto& [at, size] : runs) {
        if (!fits({at, size}, {medium.size()}))
            return fail(EBADMSG, "its {} bytes at {} lie beyond the end of the pool's {} bytes", size.bytes,
                        at.bytes, medium.size());
        crc = TRY(media::checksum(medium.subspan(at.bytes, size.bytes), at.bytes, crc));
    }
    return crc;
}

std::string difference(const pool::GenerationInfo& generation, std::uint32_t found) {
    if (found == generation.crc32c)
        return {};
    return fmt::format("its {} bytes have CRC-32C {:08x}, and {:08x} was sealed", generation.length, found,
                       generation.crc32c);
}

}  // namespace

bool is_kept(const pool::Pool& pool, const std::string& region, std::uint64_t region_id,
             std::uint64_t number) {
    const auto found = pool.generations(region, number - 1, 1);
    return found && !found->empty() && found->front().number == number &&
           found->front().region_id == region_id;
}

std::uint64_t kept_bytes(const ServedPools& pools) {
    std::uint64_t sum = 0;
    for (const auto& served : pools.all()) {
        std::vector<pool::RegionInfo> regions;
        do {
            const std::string after = regions.empty() ? "" : regions.back().name;
            regions = served->pool->regions(after, kRegionsAtATime);
            for (const auto& region : regions)
                sum += region.bytes;
        } while (regions.size() == kRegionsAtATime);
    }
    return sum;
}

ScrubStep ScrubPass::step(std::uint64_t maximum_bytes) {
    if (!reading_) {
        const auto found = look_on();
        if (found != Found::generation)
            return {0, {}, found == Found::end};
    }
    return read(maximum_bytes);
}

ScrubPass::Found ScrubPass::look_on() {
    const auto pools = pools_.all();
    for (int look = 0; pool_ < pools.size(); ++look) {
        if (look == kMaximumLooks)
            return Found::nothing_yet;
        if (next_generation(pools[pool_]))
            return Found::generation;
        if (next_region(*pools[pool_]))
            continue;
        ++pool_;
        region_.clear();
    }
    return Found::end;
}

bool ScrubPass::next_generation(const std::shared_ptr<const ServedPool>& served) {
    if (region_.empty())
        return false;
    const auto found = served->pool->generations(region_, number_, 1);
    if (!found || found->empty())  // when it was destroyed, too
        return false;
    reading_ = Reading{served, region_, found->front()};
    number_ = found->front().number;
    return true;
}

bool ScrubPass::next_region(const ServedPool& served) {
    const auto found = served.pool->regions(region_, 1);
    if (found.empty())
        return false;
    region_ = found.front().name;
    number_ = 0;
    return true;
}

ScrubStep ScrubPass::read(std::uint64_t maximum_bytes) {
    auto& reading = *reading_;
    auto& pool = *reading.served->pool;
    const auto& generation = reading.generation;
    const auto size = std::min(maximum_bytes, generation.length - reading.at);
    const auto runs = pool.locate(reading.region, generation.number, {{reading.at}, {size}});
    const auto crc = runs.and_then([&](const std::vector<Extent>& here) {
        return checksum(pool.medium().bytes(), here, reading.crc32c);
    });
    if (!is_kept(pool, reading.region, generation.region_id, generation.number)) {
        reading_.reset();
        return {size, {}, false};
    }
    if (!crc)
        return end({}, crc.error().message, size);
    reading.crc32c = *crc;
    reading.at += size;
    if (reading.at < generation.length)
        return {size, {}, false};
    return end(*crc, difference(generation, *crc), size);
}

ScrubStep ScrubPass::end(std::optional<std::uint32_t> found, std::string damage, std::uint64_t bytes) {
    auto& reading = *reading_;
    ScrubStep step{bytes,
                   ScrubVerdict{std::move(reading.served), std::move(reading.region),
                                std::move(reading.generation), found, std::move(damage)},
                   false};
    reading_.reset();
    return step;
}

}  // namespace pmemckpt::driver
