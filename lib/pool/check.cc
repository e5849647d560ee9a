#include "lib/pool/check.hh"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/crc32c.hh"
#include "lib/format/layout.hh"
#include "lib/media/readable.hh"
#include "lib/pool/contents.hh"
#include "lib/pool/page_holders.hh"
#include "lib/pool/rescue.hh"

namespace pmemckpt::pool {

namespace {

using format::SuperblockState;

constexpr std::size_t kAllRegions = SIZE_MAX;

std::array<format::SuperblockReading, 2> read_superblocks(std::span<const std::byte> medium,
                                                          const Key* manager_key) {
    std::array<format::SuperblockReading, 2> copies;
    for (unsigned slot = 0; slot < copies.size(); ++slot) {
        const auto at = std::min<std::uint64_t>(format::kSuperblockOffset[slot], medium.size());
        copies[slot] = format::read_superblock(
            medium.subspan(at, std::min<std::uint64_t>(format::kSuperblockBytes, medium.size() - at)),
            manager_key);
    }
    return copies;
}

std::string superblock_name(unsigned slot) {
    return slot == 0 ? "superblock A" : "superblock B";
}

/// Written once, when the pool is made; the rest changes with each copy.
bool is_same_pool(const format::Superblock& a, const format::Superblock& b) {
    return a.uuid == b.uuid && a.created_ns == b.created_ns && a.pool_size == b.pool_size &&
           a.page_size == b.page_size && a.pages_offset == b.pages_offset && a.page_count == b.page_count &&
           a.half_offset == b.half_offset && a.half_size == b.half_size;
}

std::string note_of_change(const std::string& newer) {
    return fmt::format(
        "it is of the manager key before that of {}: the key was being replaced when the power "
        "failed; pmemckpt-ctl rekey-pool, or a manager, comes to the end of it",
        newer);
}

class Checker {
public:
    Checker(const media::Medium& medium, const Key* manager_key, const CheckProgress& progress)
        : medium_(medium), bytes_(medium.bytes()), manager_key_(manager_key), progress_(progress) {}

    Result<CheckReport> run() {
        report_.macs_verified = manager_key_ != nullptr;
        TRY(check_superblocks());
        auto rescued = rescue(medium_, manager_key_);
        if (!rescued && rescued.error().code != EUCLEAN && rescued.error().code != EKEYREJECTED)
            return tl::unexpected<Error>(std::move(rescued).error());
        if (!rescued) {
            find(Severity::damage, "pool", rescued.error().message);
            return std::move(report_);
        }
        if (rescued->refused) {
            find(Severity::damage, "journal", rescued->refused->message);
            report_.older_state = rescued->state;
        }
        state_ = &rescued->recovered;
        check_journal();
        check_pages();
        check_contents();
        return std::move(report_);
    }

private:
    void find(Severity severity, std::string where, std::string message) {
        report_.findings.push_back({severity, std::move(where), std::move(message)});
    }

    Status check_superblocks();
    void look_at_superblock(unsigned slot, const std::array<format::SuperblockReading, 2>& copies);
    void compare_superblocks(const format::Superblock& a, const format::Superblock& b);
    void check_journal();
    void check_pages();
    void check_contents();
    void check_generation(const Region& region, std::uint64_t number, const KeptGeneration& kept);
    void check_log(const Region& region);
    void check_cursors(const Region& region, std::uint64_t log_records);
    void hold_generations(const Region& region, std::vector<PageHolder>& holders);
    void hold_log(const Region& region, std::vector<PageHolder>& holders);
    std::uint64_t bytes_to_read() const;
    std::vector<const Region*> regions() const;

    const media::Medium& medium_;
    const std::span<const std::byte> bytes_;
    const Key* const manager_key_;
    const CheckProgress& progress_;
    const Recovered* state_ = nullptr;
    CheckReport report_;
};

/// Neither copy has so much as the magic: then there is no pool to be checked.
Status Checker::check_superblocks() {
    TRY(media::check_readable(
        bytes_.first(std::min<std::uint64_t>(bytes_.size(), 2 * format::kSuperblockBytes)), 0));
    const auto copies = read_superblocks(bytes_, manager_key_);
    const auto is = [&](unsigned slot, SuperblockState state) { return copies[slot].state == state; };
    if (is(0, SuperblockState::foreign) && is(1, SuperblockState::foreign))
        return fail(EUCLEAN, "{} is not a pmemckpt pool: neither superblock is there", medium_.path());
    const bool both = is(0, SuperblockState::valid) && is(1, SuperblockState::valid);
    for (unsigned slot = 0; slot < copies.size(); ++slot) {
        report_.superblocks[slot] = {copies[slot].state, copies[slot].superblock.sequence, false};
        look_at_superblock(slot, copies);
    }
    if (both)
        compare_superblocks(copies[0].superblock, copies[1].superblock);
    return {};
}

void Checker::look_at_superblock(unsigned slot, const std::array<format::SuperblockReading, 2>& copies) {
    const auto& [state, superblock] = copies[slot];
    const auto& [other_state, other] = copies[1 - slot];
    const auto name = superblock_name(slot), other_name = superblock_name(1 - slot);
    const auto at = format::kSuperblockOffset[slot];
    const bool other_is_good = other_state == SuperblockState::valid;
    if (state == SuperblockState::forged && other_is_good &&
        format::is_before_change_of_key(superblock, other))
        find(Severity::cut, name, note_of_change(other_name));
    else if (state == SuperblockState::forged)
        find(Severity::damage, name,
             fmt::format("its {} bytes at {} were not written by a manager with the key: {}",
                         format::kSuperblockBytes, at,
                         superblock.manager_key == public_key(*manager_key_)
                             ? "their checksum holds, and their MAC does not"
                             : "they name another manager key"));
    else if (state != SuperblockState::valid && other_is_good)
        find(
            Severity::cut, name,
            fmt::format("its {} bytes at {} do not verify; {} does, and has sequence {}: a manager writes it "
                        "anew when it opens the pool",
                        format::kSuperblockBytes, at, other_name, other.sequence));
}

void Checker::compare_superblocks(const format::Superblock& a, const format::Superblock& b) {
    const bool same_sequence = a.sequence == b.sequence;
    const bool a_is_older = format::is_before_change_of_key(a, b);
    const bool b_is_older = format::is_before_change_of_key(b, a);
    const bool same_key = a.manager_key == b.manager_key || a_is_older || b_is_older;
    const bool same_pool = same_key && is_same_pool(a, b);
    report_.superblocks_agree = same_pool && (!same_sequence || format::names_same_state(a, b));
    if (a.manager_key != b.manager_key && same_pool)
        find(Severity::cut, superblock_name(b_is_older), note_of_change(superblock_name(a_is_older)));
    if (!same_pool)
        find(Severity::damage, "superblock B",
             "its UUID, sizes, offsets, time or key are not those of superblock A: one of them is of another "
             "pool");
    if (same_sequence)
        find(Severity::damage, "superblock B",
             fmt::format("it has sequence {}, and so has superblock A", b.sequence));
}

void Checker::check_journal() {
    const auto& position = state_->position;
    const auto& superblock = position.superblock;
    report_.journal = {superblock.active_half,
                       superblock.first_sequence,
                       position.next_sequence - superblock.first_sequence,
                       superblock.snapshot_records,
                       position.used,
                       superblock.half_size,
                       false};
    report_.uuid = superblock.uuid;
    report_.size = superblock.pool_size;
    report_.page_size = superblock.page_size;
    report_.pages = superblock.page_count;
    if (report_.older_state)
        return;
    report_.superblocks[position.slot].counts = true;
    const auto half = bytes_.subspan(superblock.half_offset[superblock.active_half], superblock.half_size);
    report_.journal->torn = format::claimed_sequence(half, position.used) == position.next_sequence;
    if (report_.journal->torn)
        find(Severity::cut, "journal",
             fmt::format(
                 "record {} at byte {} is not whole: it was being written when the power failed, or the "
                 "last change was damaged since; the state before it counts",
                 position.next_sequence, superblock.half_offset[superblock.active_half] + position.used));
}

std::vector<const Region*> Checker::regions() const {
    std::vector<const Region*> found;
    for (const auto& info : state_->catalog.list("", kAllRegions))
        found.push_back(state_->catalog.find(info.name));
    return found;
}

void Checker::hold_generations(const Region& region, std::vector<PageHolder>& holders) {
    PageHolder holder{fmt::format("generations of {}", region.info.name), {}};
    for (const auto& [number, kept] : region.generations) {
        const auto extents = kept.pages->list();
        if (const auto twice = pages_named_twice(extents); twice > 0)
            find(Severity::damage, fmt::format("{}@{}", region.info.name, number),
                 fmt::format("{} of its pages are named twice", twice));
        holder.extents.insert(holder.extents.end(), extents.begin(), extents.end());
    }
    holders.push_back(std::move(holder));
}

void Checker::hold_log(const Region& region, std::vector<PageHolder>& holders) {
    if (!region.log)
        return;
    PageHolder holder{fmt::format("the log of {}", region.info.name), {}};
    for (const auto& pages : region.log->segments)
        holder.extents.insert(holder.extents.end(), pages->extents().begin(), pages->extents().end());
    if (const auto twice = pages_named_twice(holder.extents); twice > 0)
        find(Severity::damage, region.info.name + " log",
             fmt::format("{} of its pages are named twice", twice));
    holders.push_back(std::move(holder));
}

/// Counted anew, from the tables alone, and compared with the store that gives pages out.
void Checker::check_pages() {
    std::vector<PageHolder> holders;
    for (const auto* region : regions()) {
        hold_generations(*region, holders);
        hold_log(*region, holders);
    }
    auto holding = compare_holders(std::move(holders));
    for (auto& conflict : holding.conflicts)
        find(Severity::damage, "pages", std::move(conflict));
    report_.owned_pages = holding.pages;
    report_.free_pages = state_->pages->free_pages();
    if (report_.owned_pages > report_.pages || report_.free_pages != report_.pages - report_.owned_pages)
        find(Severity::damage, "pages",
             fmt::format("{} belong to generations and logs and {} are free, and the pool has {}",
                         report_.owned_pages, report_.free_pages, report_.pages));
}

std::uint64_t Checker::bytes_to_read() const {
    std::uint64_t bytes = 0;
    for (const auto* region : regions()) {
        bytes += region->info.bytes;
        if (region->log)
            bytes += region->log->info().capacity;
    }
    return bytes;
}

void Checker::check_contents() {
    progress_.total(bytes_to_read());
    for (const auto* region : regions()) {
        ++report_.regions;
        for (const auto& [number, kept] : region->generations)
            check_generation(*region, number, kept);
        const auto before = report_.log_records;
        check_log(*region);
        check_cursors(*region, report_.log_records - before);
    }
}

void Checker::check_generation(const Region& region, std::uint64_t number, const KeptGeneration& kept) {
    const auto name = fmt::format("{}@{}", region.info.name, number);
    ++report_.generations;
    report_.generation_bytes += kept.length;
    std::uint32_t crc = 0;
    auto read = for_each_piece(bytes_, *state_->pages, kept, [&](std::span<const std::byte> piece) -> Status {
        crc = crc32c(piece, crc);
        progress_.advance(piece.size());
        return {};
    });
    if (read)
        read = check_checksum(kept, crc);
    if (!read) {
        find(Severity::damage, name, read.error().message);
        report_.bad_generations.push_back({region.info.name, number, read.error().message});
    }
    report_.good_generations += read.has_value();
    const auto largest = region.info.settings.max_size;
    if (largest > 0 && kept.length > largest)
        find(Severity::damage, name,
             fmt::format("it has {} bytes, and the region's largest size is {}", kept.length, largest));
}

void Checker::check_log(const Region& region) {
    if (!region.log)
        return;
    ++report_.logs;
    const auto name = region.info.name + " log";
    const auto contents = look_at_log(bytes_, *state_->pages, region);
    progress_.advance(region.log->info().capacity);
    if (!contents)
        return find(Severity::damage, name, contents.error().message);
    const auto& end = contents->end;
    report_.log_records += end.last.sequence;
    report_.log_payload_bytes += end.payload_bytes;
    if (contents->later_sequence)
        find(Severity::cut, name,
             fmt::format(
                 "record {} at byte {} of the log does not verify, and record {} at byte {} does: what "
                 "lies between was being appended when the power failed, or was damaged since; the log "
                 "ends at {} records",
                 end.last.sequence + 1, end.bytes, *contents->later_sequence, contents->later_at,
                 end.last.sequence));
}

/// Nobody can have read what is not there: a cursor is durable after what it counts.
void Checker::check_cursors(const Region& region, std::uint64_t log_records) {
    for (const auto& [name, cursor] : region.cursors) {
        ++report_.cursors;
        const auto where = fmt::format("{} cursor {}", region.info.name, name);
        if (cursor.generation >= region.next_number)
            find(Severity::damage, where,
                 fmt::format("it is at generation {}, and the newest that there was is {}", cursor.generation,
                             region.next_number - 1));
        else if (cursor.generation == region.info.newest && cursor.sequence > log_records)
            find(Severity::damage, where,
                 fmt::format("it has read {} records of the log behind generation {}, and {} are there",
                             cursor.sequence, cursor.generation, log_records));
    }
}

}  // namespace

const char* to_string(Severity severity) {
    return severity == Severity::cut ? "cut" : "damage";
}

Result<CheckReport> check(const media::Medium& medium, const Key* manager_key,
                          const CheckProgress& progress) {
    return Checker(medium, manager_key, progress).run();
}

}  // namespace pmemckpt::pool
