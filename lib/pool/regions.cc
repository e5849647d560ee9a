// What creates, finds and destroys regions.
#include <cerrno>
#include <mutex>

#include "lib/base/keys.hh"
#include "lib/format/superblock.hh"
#include "lib/pool/clock.hh"
#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

namespace {

Status check_settings(const std::string& name, const std::string& owner, const RegionSettings& settings) {
    TRY(check_region_name(name));
    TRY(check_principal(owner));
    return check_retention(name, settings.keep, settings.keep_age_ns);
}

}  // namespace

Result<const Region*> PoolOnMedium::region_named(const RegionRef& region) const {
    const Region* found = catalog_.find(region.name);
    if (!found)
        return fail(ENOENT, "there is no region {} in pool {}", region.name, medium_->path());
    if (region.id != 0 && found->info.id != region.id)
        return fail(ENOENT, "region {} was destroyed, and made anew", region.name);
    return found;
}

Result<RegionInfo> PoolOnMedium::create_region(const std::string& name, const std::string& owner,
                                               RegionSettings settings) {
    TRY(check_settings(name, owner, settings));
    const std::lock_guard writing(writing_);
    TRY(catalog_.check_new_name(name));
    if (catalog_.next_region_id() + 1 >= format::kMaximumSequence)
        return fail(EOVERFLOW, "pool {} has used up its region numbers: make another pool", medium_->path());
    format::RegionPut record;
    record.id = catalog_.next_region_id();
    record.max_size = settings.max_size;
    record.created_ns = now_ns();
    record.keep = settings.keep;
    record.keep_age_ns = settings.keep_age_ns;
    record.name = name;
    record.owner = owner;
    // Cut before it returns: no region, or a whole one that nobody was told of. Cut after: the region.
    TRY(journal_.append(format::Kind::region_put, format::encode(record), Effect::grows, catalog_));
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record).has_value(), "a new region's record holds");
    return catalog_.find(name)->info;
}

Result<RegionInfo> PoolOnMedium::find_region(const RegionRef& region) const {
    const std::shared_lock lock(tables_);
    return TRY(region_named(region))->describe();
}

Result<RegionInfo> PoolOnMedium::take_over(const RegionRef& region) {
    // Of the old epoch are those records that were there when its windows died; the next opening blanks the
    // rest.
    const auto looked = TRY(look(region, Look::from_opening));
    TRY(blank_tail(looked, format::kLogRecordHeaderBytes));
    const std::lock_guard writing(writing_);
    auto record = put_of(*TRY(region_named(region)));
    if (record.epoch >= format::kMaximumSequence)
        return fail(EOVERFLOW, "region {} was taken over {} times, and can't be again", region.name,
                    record.epoch);
    ++record.epoch;
    // Cut before it returns: the old epoch, or one that nobody has. Cut after: the new one.
    TRY(put_region(record));
    return catalog_.find(region.name)->describe();
}

Result<std::uint64_t> PoolOnMedium::destroy_region(const RegionRef& region) {
    Discarded discarded;  // declared first: dies when no lock is held
    const std::lock_guard writing(writing_);
    const format::RegionDrop record{TRY(region_named(region))->info.id};
    // Cut before it returns: the region with all its generations, or none of it. Its pages are free only
    // after that.
    TRY(journal_.append(format::Kind::region_drop, format::encode(record), Effect::shrinks, catalog_));
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record, discarded).has_value(), "the drop of a region that is there holds");
    return record.id;
}

std::vector<RegionInfo> PoolOnMedium::regions(const std::string& after, std::size_t limit) const {
    const std::shared_lock lock(tables_);
    return catalog_.list(after, limit);
}

}  // namespace pmemckpt::pool
