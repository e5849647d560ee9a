#include "lib/pool/repair.hh"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/format/layout.hh"
#include "lib/media/reserve.hh"
#include "lib/pool/journal.hh"
#include "lib/pool/rescue.hh"
#include "lib/pool/table_repair.hh"

namespace pmemckpt::pool {

namespace {

using format::SuperblockState;

/// What no repair can decide.
Status check_decidable(const media::Medium& medium, const CheckReport& found, const Rescued& rescued) {
    if (!found.superblocks_agree)
        return fail(
            EUCLEAN,
            "{}: its two superblocks are of two pools, or of two states that both claim to be the newest, "
            "and nothing says which one is right; bring back the {} bytes of the right one from a copy, or "
            "blank those of the wrong one: A is at byte {}, B at {}",
            medium.path(), format::kSuperblockBytes, format::kSuperblockOffset[0],
            format::kSuperblockOffset[1]);
    const auto size = rescued.recovered.position.superblock.pool_size;
    if (const auto have = medium.bytes().size(); have < size)
        return fail(
            EUCLEAN,
            "{} is cut short: it has {} bytes, and the pool in it is of {}; bring out with salvage what "
            "verifies; "
            "with its size again (truncate -s {} {}) it can be repaired and served, but of what lay behind "
            "the cut only "
            "generations are missed then: records of logs and of the journal are gone without a trace",
            medium.path(), have, size, size, medium.path());
    return {};
}

class Repairer {
public:
    Repairer(media::Medium& medium, const Key& manager_key, const RepairOptions& options,
             const RepairHooks& hooks)
        : medium_(medium), manager_key_(manager_key), options_(options), hooks_(hooks) {}

    Result<RepairReport> run() {
        report_.before = TRY(check(medium_, &manager_key_, hooks_.progress));
        report_.after = report_.before;
        if (report_.before.findings.empty())
            return std::move(report_);
        auto rescued = TRY(rescue(medium_, &manager_key_));
        TRY(check_decidable(medium_, report_.before, rescued));
        report_.plan.metadata_bytes = rescued.recovered.position.superblock.pages_offset;
        if (rescued.refused && TRY(mend_snapshot())) {
            report_.after = TRY(check(medium_, &manager_key_, hooks_.progress));
            rescued = TRY(rescue(medium_, &manager_key_));
        }
        if (TRY(rewrite_tables(rescued)))
            report_.after = TRY(check(medium_, &manager_key_, hooks_.progress));
        return std::move(report_);
    }

private:
    void note(std::string where, std::string message) {
        report_.plan.changes.push_back({std::move(where), std::move(message)});
    }
    Result<bool> mend_snapshot();
    Result<bool> rewrite_tables(Rescued& rescued);
    Status go_back(Rescued& rescued);
    void note_metadata();
    Status write(Recovered& recovered, const std::vector<Extent>& relied_on);

    media::Medium& medium_;
    const Key& manager_key_;
    const RepairOptions& options_;
    const RepairHooks& hooks_;
    RepairReport report_;
    Sequences sequences_;
};

/// In its place: what is there of it is of these very bytes, and what follows on it is whole. Whether there
/// was something to mend.
Result<bool> Repairer::mend_snapshot() {
    const auto snapshot = find_lost_snapshot(medium_, manager_key_);
    if (!snapshot)
        return false;
    note("journal",
         fmt::format("{} of its snapshot's {} records are written anew: the half before it has all of them",
                     snapshot->damaged_records, snapshot->records));
    TRY(hooks_.keep(report_.plan));
    TRY(media::reserve(medium_, snapshot->at, snapshot->bytes));
    medium_.store(snapshot->at, snapshot->bytes);
    // Cut before or in it: the snapshot is as damaged as it was, or less so. Cut after: it is whole.
    TRY(medium_.persist({snapshot->at, {snapshot->bytes.size()}}));
    return true;
}

/// Whether there was something to change. `after` is of the medium as it is.
Result<bool> Repairer::rewrite_tables(Rescued& rescued) {
    const auto before = report_.plan.changes.size();
    if (rescued.refused)
        TRY(go_back(rescued));
    note_metadata();
    TableRepair tables(std::as_const(medium_).bytes(), rescued.recovered, report_.after, report_.plan);
    if (report_.plan.older)
        tables.raise_numbers(sequences_.lost);
    tables.run();
    if (report_.plan.changes.size() == before)
        return false;
    TRY(hooks_.keep(report_.plan));
    TRY(write(rescued.recovered, tables.relied_on()));
    return true;
}

Status Repairer::go_back(Rescued& rescued) {
    auto& position = rescued.recovered.position;
    sequences_ = sequences(medium_, rescued.recovered, manager_key_);
    OlderState older{rescued.state, 0, 0};
    std::string lost = "no record that came after it is left on the medium";
    if (sequences_.largest >= position.next_sequence) {
        older.first_lost = position.next_sequence;
        older.last_lost = sequences_.largest;
        lost = fmt::format("records {} to {} of the journal, and all that they say, are lost with that",
                           older.first_lost, older.last_lost);
    }
    if (!options_.older_state)
        return fail(
            EUCLEAN,
            "{}; what can be had is {}; {}; {} was changed: bring out with salvage what verifies, and "
            "repair with --older-state to go back to that state",
            rescued.refused->message, rescued.state, lost,
            report_.plan.changes.empty() ? "nothing" : "nothing but the snapshot, which is whole again,");
    note("journal", fmt::format("goes back to {}; {}", rescued.state, lost));
    report_.plan.older = std::move(older);
    position.next_sequence = sequences_.unused;
    // A record makes one region at most.
    rescued.recovered.catalog.raise_next_region_id(position.superblock.next_region_id + sequences_.unused -
                                                   sequences_.named);
    return {};
}

void Repairer::note_metadata() {
    const auto& found = report_.after;
    for (unsigned slot = 0; slot < found.superblocks.size(); ++slot)
        if (found.superblocks[slot].state != SuperblockState::valid)
            note(slot == 0 ? "superblock A" : "superblock B", "written anew: it does not verify");
    if (found.superblocks[0].state == SuperblockState::valid &&
        found.superblocks[1].state == SuperblockState::valid &&
        found.superblocks[0].sequence == found.superblocks[1].sequence)
        note("superblock B", fmt::format("written anew: it has sequence {}, as superblock A has",
                                         found.superblocks[1].sequence));
    if (found.journal && found.journal->torn)
        note("journal", fmt::format("record {}, which is not whole, is left out",
                                    found.journal->first_sequence + found.journal->records));
}

Status Repairer::write(Recovered& recovered, const std::vector<Extent>& relied_on) {
    // Cut before, between or after: these are bytes that are there already.
    for (const auto& extent : relied_on)
        TRY(medium_.persist(extent));
    // Cut before it returns: the pool as it was, or repaired. Cut after: repaired.
    return Journal(medium_, recovered.position).rewrite(recovered.catalog);
}

}  // namespace

Result<RepairReport> repair(media::Medium& medium, const Key& manager_key, const RepairOptions& options,
                            const RepairHooks& hooks) {
    return Repairer(medium, manager_key, options, hooks).run();
}

}  // namespace pmemckpt::pool
