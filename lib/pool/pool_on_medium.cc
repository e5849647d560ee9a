#include "lib/pool/pool_on_medium.hh"

#include <cerrno>
#include <mutex>

namespace pmemckpt::pool {

PoolOnMedium::PoolOnMedium(std::unique_ptr<media::Medium> medium, Recovered recovered)
    : medium_(std::move(medium)),
      superblock_(recovered.position.superblock),
      pages_(std::move(recovered.pages)),
      bad_(medium_->bad_extents()),
      journal_(*medium_, recovered.position),
      catalog_(std::move(recovered.catalog)) {
    withhold_bad_extents();
}

Status PoolOnMedium::settle() {
    const std::lock_guard writing(writing_);
    return journal_.settle();
}

PoolInfo PoolOnMedium::info() const {
    PoolInfo info;
    info.uuid = superblock_.uuid;
    info.path = medium_->path();
    info.size = superblock_.pool_size;
    info.page_size = superblock_.page_size;
    info.pages = superblock_.page_count;
    info.free_pages = pages_->free_pages();
    info.bad_pages = pages_->withheld_pages();
    info.drafts = *drafts_;
    info.journal_half_bytes = journal_.half_bytes();
    info.journal_used_bytes = journal_.used_bytes();
    info.journal_switches = journal_.switches();
    info.durability = medium_->durability();
    const std::shared_lock lock(tables_);
    info.regions = catalog_.region_count();
    info.generations = catalog_.generation_count();
    return info;
}

Result<PoolOnMedium::Found> PoolOnMedium::find_generation(const RegionRef& region,
                                                          std::uint64_t number) const {
    const std::shared_lock lock(tables_);
    const Region& found = *TRY(region_named(region));
    if (number == 0 && found.generations.empty())
        return fail(ENODATA, "region {} has no generation yet", region.name);
    const auto kept = found.generations.find(number == 0 ? found.info.newest : number);
    if (kept == found.generations.end())
        return fail(ENOENT, "region {} has no generation {}; it keeps {} of them, the newest is {}",
                    region.name, number, found.generations.size(), found.info.newest);
    return Found{found.generation_info(*kept), kept->second.pages};
}

Result<std::shared_ptr<const Generation>> PoolOnMedium::open_generation(const RegionRef& region,
                                                                        std::uint64_t number) const {
    auto found = TRY(find_generation(region, number));
    TRY(check_good(found));
    return std::make_shared<const Generation>(std::move(found.info), std::move(found.pages));
}

Result<std::vector<Extent>> PoolOnMedium::locate(const RegionRef& region, std::uint64_t number,
                                                 Extent range) const {
    const std::shared_lock lock(tables_);
    const Region& found = *TRY(region_named(region));
    const auto kept = found.generations.find(number);
    if (kept == found.generations.end())
        return fail(ENOENT, "region {} has no generation {}", region.name, number);
    if (!fits(range, {kept->second.length}))
        return fail(ERANGE, "{} bytes at {} are not within the {} of generation {} of region {}",
                    range.size.bytes, range.at.bytes, kept->second.length, number, region.name);
    return kept->second.pages->locate(range);
}

Result<std::vector<GenerationInfo>> PoolOnMedium::generations(const RegionRef& region, std::uint64_t after,
                                                              std::size_t limit) const {
    const std::shared_lock lock(tables_);
    const Region& found = *TRY(region_named(region));
    std::vector<GenerationInfo> infos;
    for (auto kept = found.generations.upper_bound(after);
         kept != found.generations.end() && infos.size() < limit; ++kept)
        infos.push_back(found.generation_info(*kept));
    return infos;
}

void PoolOnMedium::set_seal_listener(SealListener listener) {
    auto shared = std::make_shared<const SealListener>(std::move(listener));
    const std::lock_guard lock(tables_);
    listener_ = std::move(shared);
}

Result<std::unique_ptr<Pool>> Pool::open(std::unique_ptr<media::Medium> medium, const Key& manager_key) {
    auto recovered = TRY(recover(*medium, &manager_key));
    auto pool = std::make_unique<PoolOnMedium>(std::move(medium), std::move(recovered));
    // On a medium for reading only there is nothing to make durable, and nothing to write that would need it.
    if (auto settled = pool->settle(); !settled && settled.error().code != EROFS)
        return tl::unexpected<Error>(std::move(settled).error());
    return pool;
}

Result<std::unique_ptr<Pool>> Pool::open(const std::string& path, const Key& manager_key) {
    return open(TRY(media::open_medium(path, media::Use::exclusive)), manager_key);
}

}  // namespace pmemckpt::pool
