// Cursors: how far each backup has read a region.
#include <cerrno>
#include <mutex>
#include <tuple>

#include "lib/base/keys.hh"
#include "lib/format/superblock.hh"
#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

namespace {

/// Of one region: each is a name that somebody chose.
constexpr std::size_t kMaximumCursors = 1024;

/// A region that was cleared starts again: its log follows no generation.
bool goes_back(const Region& region, const Cursor& before, const Cursor& cursor) {
    if (region.info.newest == 0 && cursor.generation == 0 && before.generation != 0)
        return false;
    return std::tie(cursor.generation, cursor.sequence) < std::tie(before.generation, before.sequence);
}

/// Names and numbers come again: in a region that was destroyed and made anew, and in a log behind no
/// generation that begins again after a clear.
Status check_source(const Region& region, const Cursor& cursor, const ReadFrom& from) {
    if (from.region_id != 0 && from.region_id != region.info.id)
        return fail(ESTALE, "region {} was destroyed and made anew since {} read it", region.info.name,
                    cursor.name);
    const bool is_of_log =
        cursor.generation == region.info.newest && cursor.sequence != 0 && from.log_id != 0;
    if (is_of_log && (!region.log || region.log->id != from.log_id))
        return fail(ESTALE, "the log of region {} that {} has read has ended", region.info.name, cursor.name);
    return {};
}

/// Of a log that has ended nobody knows any more how many records it had.
Status check_ahead(const Region& region, const Cursor& cursor, std::uint64_t records) {
    if (cursor.generation >= region.next_number)
        return fail(EINVAL, "cursor {} can't go to generation {} of region {}: the newest one is {}",
                    cursor.name, cursor.generation, region.info.name, region.next_number - 1);
    const bool in_log = cursor.generation == region.info.newest;
    if ((in_log && cursor.sequence > records) || cursor.sequence > format::kMaximumSequence)
        return fail(EINVAL, "cursor {} can't go to record {} of the log of region {}: it has {}", cursor.name,
                    cursor.sequence, region.info.name, in_log ? records : 0);
    return {};
}

}  // namespace

Result<std::optional<Cursor>> PoolOnMedium::cursor(const RegionRef& region, const std::string& name) const {
    const std::shared_lock lock(tables_);
    const Region& found = *TRY(region_named(region));
    const auto cursor = found.cursors.find(name);
    return cursor == found.cursors.end() ? std::nullopt : std::optional<Cursor>(cursor->second);
}

Result<std::vector<Cursor>> PoolOnMedium::cursors(const RegionRef& region) const {
    const std::shared_lock lock(tables_);
    std::vector<Cursor> found;
    for (const auto& [name, cursor] : TRY(region_named(region))->cursors)
        found.push_back(cursor);
    return found;
}

Status PoolOnMedium::advance_cursor(const RegionRef& region, const Cursor& cursor, const ReadFrom& from) {
    TRY(check_principal(cursor.name));
    const auto looked = TRY(look(region));
    // What was read is there after a cut as well: else the next records would have numbers that were read.
    TRY(make_durable(looked));
    const std::lock_guard writing(writing_);
    const Region& found = *TRY(region_named(region));
    TRY(check_source(found, cursor, from));
    const auto before = found.cursors.find(cursor.name);
    const bool is_new = before == found.cursors.end();
    if (!is_new && goes_back(found, before->second, cursor))
        return fail(EINVAL,
                    "cursor {} of region {} is at generation {}, record {}, and can't go back to {}, {}",
                    cursor.name, region.name, before->second.generation, before->second.sequence,
                    cursor.generation, cursor.sequence);
    const bool same_log = found.log && looked.log && found.log->id == looked.log->id;
    TRY(check_ahead(found, cursor, same_log ? looked.end.last.sequence : 0));
    if (!is_new && before->second.generation == cursor.generation &&
        before->second.sequence == cursor.sequence)
        return {};
    if (is_new && found.cursors.size() >= kMaximumCursors)
        return fail(ENOSPC, "region {} has {} cursors, and may have no more; drop one", region.name,
                    kMaximumCursors);
    const format::CursorPut record{found.info.id, cursor.generation, cursor.sequence, cursor.name};
    // Cut before it returns: where it was, or where it goes. Cut after: where it goes.
    TRY(journal_.append(format::Kind::cursor_put, format::encode(record),
                        is_new ? Effect::grows : Effect::keeps, catalog_));
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record).has_value(), "a cursor's record holds");
    return {};
}

Status PoolOnMedium::drop_cursor(const RegionRef& region, const std::string& name) {
    const std::lock_guard writing(writing_);
    const Region& found = *TRY(region_named(region));
    if (!found.cursors.contains(name))
        return fail(ENOENT, "region {} has no cursor {}", region.name, name);
    const format::CursorDrop record{found.info.id, name};
    TRY(journal_.append(format::Kind::cursor_drop, format::encode(record), Effect::shrinks, catalog_));
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record).has_value(), "the drop of a cursor that is there holds");
    return {};
}

}  // namespace pmemckpt::pool
