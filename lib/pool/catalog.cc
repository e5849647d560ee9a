#include "lib/pool/catalog.hh"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/keys.hh"
#include "lib/format/superblock.hh"

namespace pmemckpt::pool {

using format::Kind;

namespace {

constexpr std::uint64_t kMaximumNumber = format::kMaximumSequence;  // each takes a record, so none gets there

Status check_fields(const format::RegionPut& record) {
    TRY(check_region_name(record.name));
    TRY(check_principal(record.owner));
    if (record.keep < 1 || record.keep > kMaximumKeep || record.keep_age_ns < 0 || record.epoch < 1 ||
        record.epoch > format::kMaximumSequence || record.next_number < 1 ||
        record.next_number >= kMaximumNumber || record.id < 1 || record.id >= format::kMaximumSequence)
        return fail(
            EUCLEAN,
            "region {} has id {}, keep {}, keep age {} ns, epoch {}, next generation {}: out of range",
            record.name, record.id, record.keep, record.keep_age_ns, record.epoch, record.next_number);
    return {};
}

void fill(RegionInfo& info, const format::RegionPut& record) {
    info.id = record.id;
    info.name = record.name;
    info.owner = record.owner;
    info.settings = {record.keep, record.max_size, record.keep_age_ns};
    info.epoch = record.epoch;
    info.created_ns = record.created_ns;
}

format::GenerationSeal seal_of(std::uint64_t region_id, std::uint64_t number, const KeptGeneration& kept) {
    return {region_id,
            number,
            kept.length,
            kept.sealed_ns,
            kept.epoch,
            kept.crc32c,
            static_cast<std::uint8_t>(kept.durability),
            kept.writer,
            kept.pages->list(),
            {}};
}

KeptGeneration kept_of(const format::GenerationSeal& record, std::shared_ptr<const Pages> pages) {
    return {std::move(pages),
            record.length,
            record.sealed_ns,
            record.epoch,
            record.crc32c,
            static_cast<media::Durability>(record.durability),
            false,
            record.writer};
}

Status check_dropped(const Region& region, const std::vector<std::uint64_t>& numbers) {
    std::uint64_t before = 0;
    for (const auto number : numbers) {
        if (number <= before || !region.generations.contains(number))
            return fail(EUCLEAN, "generation {} of region {} is dropped, and is not there", number,
                        region.info.name);
        before = number;
    }
    return {};
}

/// Ages before the epoch, and clocks that went back, are no trouble.
bool is_younger(std::int64_t since_ns, std::int64_t now_ns, std::int64_t age_ns) {
    if (since_ns >= now_ns)
        return age_ns > 0;
    return static_cast<std::uint64_t>(now_ns) - static_cast<std::uint64_t>(since_ns) <
           static_cast<std::uint64_t>(age_ns);
}

Status check_log(const Region& region, const format::LogGrow& record) {
    if (!region.log && (record.log_id == 0 || record.term < 1 || record.extents.empty()))
        return fail(EUCLEAN, "region {} gets log {:016x} with term {} and {} extents: out of range",
                    region.info.name, record.log_id, record.term, record.extents.size());
    if (!region.log)
        return {};
    if (record.log_id != region.log->id)
        return fail(EUCLEAN, "region {} gets log {:016x}, and has log {:016x}", region.info.name,
                    record.log_id, region.log->id);
    if (record.term < region.log->term || (record.term == region.log->term && record.extents.empty()))
        return fail(EUCLEAN,
                    "the log of region {} gets term {} and {} extents at term {}: that is no step on",
                    region.info.name, record.term, record.extents.size(), region.log->term);
    return {};
}

}  // namespace

format::RegionPut put_of(const Region& region) {
    const auto& info = region.info;
    return {info.id,
            region.next_number,
            info.epoch,
            info.settings.max_size,
            info.created_ns,
            info.settings.keep,
            info.name,
            info.owner,
            info.settings.keep_age_ns};
}

RegionInfo Region::describe() const {
    auto described = info;
    if (log)
        described.log = log->info();
    return described;
}

GenerationInfo Region::generation_info(const std::pair<const std::uint64_t, KeptGeneration>& entry) const {
    const auto& [number, kept] = entry;
    return {info.id,        number,     kept.length, kept.crc32c, kept.durability,
            kept.sealed_ns, kept.epoch, kept.writer, kept.pinned};
}

std::vector<std::uint64_t> Region::over_retention(std::uint64_t keep, std::int64_t now_ns) const {
    std::vector<std::uint64_t> numbers;
    auto left = generations.size();
    for (auto entry = generations.begin(); left > keep && numbers.size() < kMaximumDropped; ++entry, --left) {
        const auto& generation = entry->second;
        if (!generation.pinned && !is_younger(generation.sealed_ns, now_ns, info.settings.keep_age_ns))
            numbers.push_back(entry->first);
    }
    return numbers;
}

std::uint64_t Region::snapshot_records() const {
    return 1 + grants.size() + generations.size() + pinned + (log ? log->segments.size() : 0) +
           cursors.size();
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
        return fail(EEXIST, "region {} can't be made: it is a folder of regions", name);
    return {};
}

std::vector<RegionInfo> Catalog::list(const std::string& after, std::size_t limit) const {
    std::vector<RegionInfo> infos;
    for (auto entry = by_name_.upper_bound(after); entry != by_name_.end() && infos.size() < limit; ++entry)
        infos.push_back(entry->second->describe());
    return infos;
}

std::vector<std::uint64_t> Catalog::over_retention(std::int64_t now_ns) const {
    std::vector<std::uint64_t> found;
    for (const auto& [id, region] : by_id_)
        if (!region->over_retention(region->info.settings.keep, now_ns).empty())
            found.push_back(id);
    return found;
}

Result<Region*> Catalog::region_with(std::uint64_t id, const char* what) {
    if (Region* region = find(id))
        return region;
    return fail(EUCLEAN, "{} is of a region with id {}, which is not there", what, id);
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
    Region* region = TRY(region_with(record.region_id, "a generation"));
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
    TRY(check_dropped(region, record.dropped));
    insert(region, record, std::move(pages));
    region.next_number = record.number + 1;
    end_log(region, discarded);
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
    Region& region = *TRY(region_with(record.region_id, "a generation that is dropped"));
    TRY(check_dropped(region, record.numbers));
    for (const auto number : record.numbers)
        erase(region, number, discarded);
    return {};
}

/// Who has the generation open keeps what was so when it was opened.
Status Catalog::apply(const format::GenerationPin& record) {
    Region& region = *TRY(region_with(record.region_id, "a pin"));
    const auto found = region.generations.find(record.number);
    if (found == region.generations.end() || record.pinned > 1)
        return fail(EUCLEAN, "generation {} of region {} is pinned with {}, or is not there", record.number,
                    region.info.name, record.pinned);
    auto& kept = found->second;
    region.pinned += record.pinned;
    region.pinned -= kept.pinned;
    kept.pinned = record.pinned != 0;
    return {};
}

/// What cursors say of generations is past all the same; what they say of a log that followed none is not.
Status Catalog::apply(const format::RegionClear& record, Discarded& discarded) {
    Region& region = *TRY(region_with(record.id, "a clear"));
    while (!region.generations.empty())
        erase(region, region.generations.begin()->first, discarded);
    end_log(region, discarded);
    for (auto& [name, cursor] : region.cursors)
        if (cursor.generation == 0)
            cursor.sequence = 0;
    return {};
}

Status Catalog::apply(const format::LogGrow& record, std::shared_ptr<const Pages> pages) {
    Region& region = *TRY(region_with(record.region_id, "a log"));
    TRY(check_log(region, record));
    if (!region.log)
        region.log = RegionLog{record.log_id, 0, {}, std::make_shared<LogScan>()};
    region.log->term = record.term;
    if (pages)
        region.log->segments.push_back(std::move(pages));
    return {};
}

Status Catalog::apply(const format::CursorPut& record) {
    Region& region = *TRY(region_with(record.region_id, "a cursor"));
    TRY(check_principal(record.name));
    if (record.generation >= region.next_number || record.sequence > format::kMaximumSequence)
        return fail(EUCLEAN, "cursor {} of region {} is at generation {}, record {}, and the next one is {}",
                    record.name, region.info.name, record.generation, record.sequence, region.next_number);
    region.cursors.insert_or_assign(record.name, Cursor{record.name, record.generation, record.sequence});
    return {};
}

Status Catalog::apply(const format::CursorDrop& record) {
    Region& region = *TRY(region_with(record.region_id, "a cursor that is dropped"));
    if (region.cursors.erase(record.name) == 0)
        return fail(EUCLEAN, "cursor {} of region {} is dropped, and is not there", record.name,
                    region.info.name);
    return {};
}

Status Catalog::apply(const format::RightsPut& record) {
    Region& region = *TRY(region_with(record.region_id, "a grant"));
    TRY(check_grantee(record.grantee));
    const auto rights = TRY(Rights::of_bits(record.rights));
    if (rights.none())
        region.grants.erase(record.grantee);
    else
        region.grants.insert_or_assign(record.grantee, rights);
    return {};
}

void Catalog::end_log(Region& region, Discarded& discarded) {
    if (region.log)
        discarded.logs.push_back(std::move(*region.log));
    region.log.reset();
}

void Catalog::insert(Region& region, const format::GenerationSeal& record,
                     std::shared_ptr<const Pages> pages) {
    region.generations.emplace(record.number, kept_of(record, std::move(pages)));
    region.info.newest = record.number;
    region.info.generations = region.generations.size();
    region.info.bytes += record.length;
    ++generation_count_;
}

void Catalog::erase(Region& region, std::uint64_t number, Discarded& discarded) {
    const auto found = region.generations.find(number);
    auto& kept = found->second;
    region.info.bytes -= kept.length;
    region.pinned -= kept.pinned;
    discarded.pages.push_back(std::move(kept.pages));
    region.generations.erase(found);
    region.info.generations = region.generations.size();
    region.info.newest = region.generations.empty() ? 0 : region.generations.rbegin()->first;
    --generation_count_;
}

void Catalog::raise_next_region_id(std::uint64_t id) {
    next_region_id_ = std::max(next_region_id_, id);
}

std::uint64_t Catalog::snapshot_records() const {
    std::uint64_t records = 0;
    for (const auto& [id, region] : by_id_)
        records += region->snapshot_records();
    return records;
}

void Catalog::for_each_record(const RecordSink& sink) const {
    for (const auto& [id, region] : by_id_) {
        sink(Kind::region_put, format::encode(put_of(*region)));
        for (const auto& [grantee, rights] : region->grants)
            sink(Kind::rights_put, format::encode(format::RightsPut{id, rights.bits(), grantee}));
        for (const auto& [number, kept] : region->generations) {
            sink(Kind::generation_seal, format::encode(seal_of(id, number, kept)));
            if (kept.pinned)
                sink(Kind::generation_pin, format::encode(format::GenerationPin{id, number, 1}));
        }
        if (region->log)
            for (const auto& pages : region->log->segments)
                sink(Kind::log_grow,
                     format::encode(format::LogGrow{id, region->log->id, region->log->term, pages->list()}));
        for (const auto& [name, cursor] : region->cursors)
            sink(Kind::cursor_put,
                 format::encode(format::CursorPut{id, cursor.generation, cursor.sequence, name}));
    }
}

}  // namespace pmemckpt::pool
