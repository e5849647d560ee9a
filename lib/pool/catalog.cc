#include "lib/pool/catalog.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/keys.hh"
#include "lib/format/superblock.hh"

namespace pmemckpt::pool {

namespace {

constexpr std::uint64_t kMaximumNumber = format::kMaximumSequence;  // each takes a record, so none gets there

Status check_fields(const format::RegionPut& record) {
    TRY(check_region_name(record.name));
    TRY(check_principal(record.owner));
    if (record.keep < 1 || record.keep > kMaximumKeep || record.epoch < 1 || record.next_number < 1 ||
        record.next_number >= kMaximumNumber || record.id < 1 || record.id >= format::kMaximumSequence)
        return fail(EUCLEAN, "region {} has id {}, keep {}, epoch {}, next generation {}: out of range",
                    record.name, record.id, record.keep, record.epoch, record.next_number);
    return {};
}

void fill(RegionInfo& info, const format::RegionPut& record) {
    info.id = record.id;
    info.name = record.name;
    info.owner = record.owner;
    info.settings = {record.keep, record.max_size};
    info.epoch = record.epoch;
    info.created_ns = record.created_ns;
}

format::RegionPut put_of(const Region& region) {
    const auto& info = region.info;
    return {info.id,         region.next_number, info.epoch, info.settings.max_size,
            info.created_ns, info.settings.keep, info.name,  info.owner};
}

format::GenerationSeal seal_of(const KeptGeneration& kept) {
    const auto& info = kept.generation->info();
    return {info.region_id,
            info.number,
            info.length,
            info.sealed_ns,
            info.epoch,
            info.crc32c,
            static_cast<std::uint8_t>(info.durability),
            info.writer,
            kept.pages->extents(),
            {}};
}

GenerationInfo info_of(const format::GenerationSeal& record) {
    return {record.region_id,
            record.number,
            record.length,
            record.crc32c,
            static_cast<media::Durability>(record.durability),
            record.sealed_ns,
            record.epoch,
            record.writer};
}

Status check_dropped(const Region& region, const format::GenerationSeal& record) {
    std::uint64_t before = 0;
    for (const auto number : record.dropped) {
        if (number <= before || !region.generations.contains(number))
            return fail(EUCLEAN, "generation {} of region {} drops generation {}, which is not there",
                        record.number, region.info.name, number);
        before = number;
    }
    return {};
}

}  // namespace

std::vector<std::uint64_t> Region::over_retention() const {
    std::vector<std::uint64_t> numbers;
    const std::uint64_t keep_of_these = info.settings.keep - 1;
    for (auto entry = generations.begin(); generations.size() - numbers.size() > keep_of_these; ++entry)
        numbers.push_back(entry->first);
    return numbers;
}

Region* Catalog::find(std::uint64_t id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second.get();
}

const Region* Catalog::find(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

Status Catalog::check_new_name(const std::string& name) const {
    if (by_name_.contains(name))
        return fail(EEXIST, "region {} exists", name);
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
        if (by_name_.contains(name.substr(0, slash)))
            return fail(EEXIST, "region {} can't be made: {} is a region, so it can't be a folder of regions",
                        name, name.substr(0, slash));
    const auto inside = by_name_.lower_bound(name + "/");
    if (inside != by_name_.end() && inside->first.starts_with(name + "/"))
        return fail(EEXIST, "region {} can't be made: it is a folder, of region {}", name, inside->first);
    return {};
}

std::vector<RegionInfo> Catalog::list(const std::string& after, std::size_t limit) const {
    std::vector<RegionInfo> infos;
    for (auto entry = by_name_.upper_bound(after); entry != by_name_.end() && infos.size() < limit; ++entry)
        infos.push_back(entry->second->info);
    return infos;
}

Status Catalog::apply(const format::RegionPut& record) {
    TRY(check_fields(record));
    if (Region* region = find(record.id))
        return update(*region, record);
    if (record.id < next_region_id_)
        return fail(EUCLEAN, "region {} has id {}, which another one had before", record.name, record.id);
    TRY(check_new_name(record.name));
    auto region = std::make_unique<Region>();
    fill(region->info, record);
    region->next_number = record.next_number;
    by_name_.emplace(record.name, region.get());
    by_id_.emplace(record.id, std::move(region));
    next_region_id_ = record.id + 1;
    return {};
}

Status Catalog::update(Region& region, const format::RegionPut& record) {
    if (record.name != region.info.name || record.next_number < region.next_number ||
        record.epoch < region.info.epoch)
        return fail(EUCLEAN,
                    "region {} is put a second time as {}, with epoch {} and next generation {}: that is a "
                    "step back",
                    region.info.name, record.name, record.epoch, record.next_number);
    fill(region.info, record);
    region.next_number = record.next_number;
    return {};
}

Status Catalog::apply(const format::RegionDrop& record, Discarded& discarded) {
    const auto found = by_id_.find(record.id);
    if (found == by_id_.end())
        return fail(EUCLEAN, "the region with id {} is dropped, and is not there", record.id);
    by_name_.erase(found->second->info.name);
    generation_count_ -= found->second->generations.size();
    discarded.region = std::move(found->second);
    by_id_.erase(found);
    return {};
}

Result<Region*> Catalog::region_of(const format::GenerationSeal& record) {
    Region* region = find(record.region_id);
    if (!region)
        return fail(EUCLEAN, "generation {} is of a region with id {}, which is not there", record.number,
                    record.region_id);
    if (record.number < 1 || record.number >= kMaximumNumber || record.durability < 1 ||
        record.durability > static_cast<std::uint8_t>(media::Durability::flush) || record.epoch < 1 ||
        record.epoch > region->info.epoch)
        return fail(EUCLEAN, "generation {} of region {} has durability {} and epoch {}: out of range",
                    record.number, region->info.name, record.durability, record.epoch);
    TRY(check_principal(record.writer));
    return region;
}

Status Catalog::apply(const format::GenerationSeal& record, std::shared_ptr<const Pages> pages,
                      Discarded& discarded) {
    Region& region = *TRY(region_of(record));
    if (record.number < region.next_number)
        return fail(EUCLEAN, "region {} gets generation {}, and should be at {} or later", region.info.name,
                    record.number, region.next_number);
    TRY(check_dropped(region, record));
    insert(region, record, std::move(pages));
    region.next_number = record.number + 1;
    for (const auto number : record.dropped)
        erase(region, number, discarded);
    return {};
}

Status Catalog::restore(const format::GenerationSeal& record, std::shared_ptr<const Pages> pages) {
    Region& region = *TRY(region_of(record));
    if (record.number >= region.next_number || record.number <= region.info.newest || !record.dropped.empty())
        return fail(EUCLEAN,
                    "the snapshot has generation {} of region {} after {}, with the next one to be {}",
                    record.number, region.info.name, region.info.newest, region.next_number);
    insert(region, record, std::move(pages));
    return {};
}

Status Catalog::apply(const format::GenerationDrop& record, Discarded& discarded) {
    Region* region = find(record.region_id);
    if (!region || !region->generations.contains(record.number))
        return fail(EUCLEAN, "generation {} of the region with id {} is dropped, and is not there",
                    record.number, record.region_id);
    erase(*region, record.number, discarded);
    return {};
}

void Catalog::insert(Region& region, const format::GenerationSeal& record,
                     std::shared_ptr<const Pages> pages) {
    auto generation = std::make_shared<const Generation>(info_of(record), pages);
    region.generations.emplace(record.number, KeptGeneration{std::move(generation), std::move(pages)});
    region.info.newest = record.number;
    region.info.generations = region.generations.size();
    region.info.bytes += record.length;
    ++generation_count_;
}

void Catalog::erase(Region& region, std::uint64_t number, Discarded& discarded) {
    const auto found = region.generations.find(number);
    region.info.bytes -= found->second.generation->info().length;
    discarded.generations.push_back(std::move(found->second));
    region.generations.erase(found);
    region.info.generations = region.generations.size();
    region.info.newest = region.generations.empty() ? 0 : region.generations.rbegin()->first;
    --generation_count_;
}

void Catalog::raise_next_region_id(std::uint64_t id) {
    next_region_id_ = std::max(next_region_id_, id);
}

void Catalog::for_each_record(const RecordSink& sink) const {
    for (const auto& [id, region] : by_id_) {
        sink(format::Kind::region_put, format::encode(put_of(*region)));
        for (const auto& [number, kept] : region->generations)
            sink(format::Kind::generation_seal, format::encode(seal_of(kept)));
    }
}

}  // namespace pmemckpt::pool
