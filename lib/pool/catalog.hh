#pragma once
// The tables in memory: regions and the generations they keep. They change by records alone, by the same
// functions when a record is replayed and when it was just written.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/format/record.hh"
#include "lib/pool/journal.hh"
#include "lib/pool/page_store.hh"
#include "lib/pool/pool.hh"
#include "lib/pool/region_log.hh"

namespace pmemckpt::pool {

/// A generation as the tables have it. Small, for there are many; its region and number are where it is kept.
struct KeptGeneration {
    std::shared_ptr<const Pages> pages;
    std::uint64_t length = 0;
    std::int64_t sealed_ns = 0;
    std::uint64_t epoch = 1;
    std::uint32_t crc32c = 0;
    media::Durability durability = media::Durability::page;
    bool pinned = false;
    std::string writer;
};

/// One record drops at most so many generations: it fits the journal's reserve. What is left goes with the
/// next.
inline constexpr std::size_t kMaximumDropped = 256;

struct Region {
    RegionInfo info;                ///< without the log
    std::uint64_t next_number = 1;  ///< the numbers of generations rise for ever, whatever is dropped
    std::map<std::uint64_t, KeptGeneration> generations;
    std::optional<RegionLog> log;
    std::map<std::string, Cursor, std::less<>> cursors;
    std::map<std::string, Rights, std::less<>> grants;  ///< by grantee; none of them has no right
    std::uint64_t pinned = 0;                           ///< how many generations are

    /// With the log, as far as it was looked at.
    RegionInfo describe() const;
    GenerationInfo generation_info(const std::pair<const std::uint64_t, KeptGeneration>& kept) const;
    /// What no rule keeps when the newest `keep` of these are kept: at most kMaximumDropped, oldest first.
    std::vector<std::uint64_t> over_retention(std::uint64_t keep, std::int64_t now_ns) const;
    std::uint64_t snapshot_records() const;
};

/// The record that says a region as it is, without what it holds.
format::RegionPut put_of(const Region& region);

/// What was taken out of the tables: it dies where its holder lets it die, which is under no lock.
struct Discarded {
    std::unique_ptr<Region> region;
    std::vector<std::shared_ptr<const Pages>> pages;
    std::vector<RegionLog> logs;
};

/// Not thread-safe: its owner's locks guard it.
class Catalog final : public SnapshotSource {
public:
    Region* find(std::uint64_t id);
    const Region* find(const std::string& name) const;
    /// EEXIST when it is there, or would be a folder of another region's name, or lie in one.
    Status check_new_name(const std::string& name) const;

    std::uint64_t region_count() const { return by_id_.size(); }
    std::uint64_t generation_count() const { return generation_count_; }
    std::vector<RegionInfo> list(const std::string& after, std::size_t limit) const;
    /// The ids of regions that have what no rule keeps.
    std::vector<std::uint64_t> over_retention(std::int64_t now_ns) const;

    // Each checks the record against the tables; EUCLEAN when it can't be, and then nothing is changed.
    Status apply(const format::RegionPut& record);
    Status apply(const format::RegionDrop& record, Discarded& discarded);
    /// `pages` are those of the record's extents.
    Status apply(const format::GenerationSeal& record, std::shared_ptr<const Pages> pages,
                 Discarded& discarded);
    Status apply(const format::GenerationDrop& record, Discarded& discarded);
    Status apply(const format::GenerationPin& record);
    Status apply(const format::RegionClear& record, Discarded& discarded);
    /// `pages` are those of the record's extents; nullptr when it has none.
    Status apply(const format::LogGrow& record, std::shared_ptr<const Pages> pages);
    Status apply(const format::CursorPut& record);
    Status apply(const format::CursorDrop& record);
    Status apply(const format::RightsPut& record);
    /// A seal in a snapshot: its number is one that its region has given before.
    Status restore(const format::GenerationSeal& record, std::shared_ptr<const Pages> pages);

    /// Ids below it may have been used. It only rises.
    void raise_next_region_id(std::uint64_t id);

    std::uint64_t next_region_id() const override { return next_region_id_; }
    std::uint64_t snapshot_records() const override;
    void for_each_record(const RecordSink& sink) const override;

private:
    Status update(Region& region, const format::RegionPut& record);
    Result<Region*> region_with(std::uint64_t id, const char* what);
    Result<Region*> region_of(const format::GenerationSeal& record);
    void insert(Region& region, const format::GenerationSeal& record, std::shared_ptr<const Pages> pages);
    void erase(Region& region, std::uint64_t number, Discarded& discarded);
    static void end_log(Region& region, Discarded& discarded);

    std::map<std::uint64_t, std::unique_ptr<Region>> by_id_;
    std::map<std::string, Region*, std::less<>> by_name_;
    std::uint64_t next_region_id_ = 1;
    std::uint64_t generation_count_ = 0;
};

}  // namespace pmemckpt::pool
