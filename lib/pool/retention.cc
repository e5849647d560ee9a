// What is kept, and what goes: the rules, pins, and what drops generations besides a seal.
#include <cerrno>
#include <mutex>

#include "lib/pool/clock.hh"
#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

Status check_retention(const std::string& name, std::uint32_t keep, std::int64_t keep_age_ns) {
    if (keep < 1 || keep > kMaximumKeep)
        return fail(EINVAL, "region {} is to keep {} generations; it may be 1 to {}", name, keep,
                    kMaximumKeep);
    if (keep_age_ns < 0)
        return fail(EINVAL, "region {} is to keep generations for {} ns; an age is 0 or more", name,
                    keep_age_ns);
    return {};
}

Result<std::size_t> PoolOnMedium::drop_unkept(std::uint64_t region_id, std::int64_t now,
                                              Discarded& discarded) {
    std::size_t dropped = 0;
    for (;;) {
        const Region* region = catalog_.find(region_id);
        if (!region)
            return dropped;
        const format::GenerationDrop record{region_id,
                                            region->over_retention(region->info.settings.keep, now)};
        if (record.numbers.empty())
            return dropped;
        // Cut before it returns: all of these, or none. Their pages are free only after that.
        TRY(journal_.append(format::Kind::generation_drop, format::encode(record), Effect::shrinks,
                            catalog_));
        const std::lock_guard tables(tables_);
        require(catalog_.apply(record, discarded).has_value(), "the drop of what is there holds");
        dropped += record.numbers.size();
    }
}

Result<RegionInfo> PoolOnMedium::set_retention(const RegionRef& region, std::uint32_t keep,
                                               std::int64_t keep_age_ns) {
    TRY(check_retention(region.name, keep, keep_age_ns));
    Discarded discarded;  // declared first: dies when no lock is held
    const std::lock_guard writing(writing_);
    auto record = put_of(*TRY(region_named(region)));
    record.keep = keep;
    record.keep_age_ns = keep_age_ns;
    // Cut before it returns: the old rules, or the new ones. Cut after: what they drop goes with the next
    // drop.
    TRY(put_region(record));
    TRY(drop_unkept(record.id, now_ns(), discarded));
    return catalog_.find(region.name)->describe();
}

Status PoolOnMedium::put_region(const format::RegionPut& record) {
    TRY(journal_.append(format::Kind::region_put, format::encode(record), Effect::keeps, catalog_));
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record).has_value(), "a region's change holds");
    return {};
}

Status PoolOnMedium::pin(const RegionRef& region, std::uint64_t number, bool pinned) {
    const std::lock_guard writing(writing_);
    const Region& there = *TRY(region_named(region));
    const auto found = there.generations.find(number);
    if (found == there.generations.end())
        return fail(ENOENT, "region {} has no generation {}; it keeps {} of them, the newest is {}",
                    region.name, number, there.generations.size(), there.info.newest);
    if (found->second.pinned == pinned)
        return {};
    const format::GenerationPin record{there.info.id, number, pinned};
    // Cut before it returns: pinned or not. Cut after: as it says.
    TRY(journal_.append(format::Kind::generation_pin, format::encode(record),
                        pinned ? Effect::grows : Effect::shrinks, catalog_));
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record).has_value(), "the pin of what is there holds");
    return {};
}

Result<std::size_t> PoolOnMedium::expire(std::int64_t now) {
    std::vector<std::uint64_t> ids;
    {
        const std::shared_lock lock(tables_);
        ids = catalog_.over_retention(now);
    }
    std::size_t dropped = 0;
    for (const auto id : ids) {
        Discarded discarded;  // declared first: dies when no lock is held
        const std::lock_guard writing(writing_);
        dropped += TRY(drop_unkept(id, now, discarded));
    }
    return dropped;
}

Status PoolOnMedium::clear(const RegionRef& region) {
    Discarded discarded;  // declared first: dies when no lock is held
    const std::lock_guard writing(writing_);
    const format::RegionClear record{TRY(region_named(region))->info.id};
    // Cut before it returns: all of the region, or none of its content. Its pages are free only after that.
    TRY(journal_.append(format::Kind::region_clear, format::encode(record), Effect::shrinks, catalog_));
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record, discarded).has_value(), "the clear of a region that is there holds");
    return {};
}

}  // namespace pmemckpt::pool
