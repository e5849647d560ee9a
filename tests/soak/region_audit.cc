// What is there, compared with what must be there, and with what may be.
#include <algorithm>

#include "tests/soak/failure.hh"
#include "tests/soak/region_oracle.hh"

namespace soak {

void RegionOracle::audit(const std::optional<FoundRegion>& found) {
    if (!settle_existence(found.has_value()))
        return;
    audit_present(*found);
    begin_anew(*found);
}

/// Whether there is a region now.
bool RegionOracle::settle_existence(bool found) {
    auto& now = life();
    if (!found && now.created && !now.destroying)
        fail("{} is not there any more, and nobody has destroyed it", name_);
    if (found && !now.created && !now.creating)
        fail("{} is there, and was destroyed or never made", name_);
    if (!found && now.created)
        ++life_number_;
    if (!found) {
        remember();
        lives_[life_number_];
        return false;
    }
    now.created = true;
    now.creating = now.destroying = false;
    return true;
}

void RegionOracle::audit_present(const FoundRegion& found) {
    settle_clear(found);
    audit_epoch(found);
    audit_generations(found);
    audit_lost(found);
    audit_retention(found);
    audit_log(found);
    audit_cursors(found);
}

/// One that was begun: all is gone, or nothing.
void RegionOracle::settle_clear(const FoundRegion& found) {
    auto& now = life();
    if (!now.clearing)
        return;
    now.clearing = false;
    const bool kept = std::any_of(found.generations.begin(), found.generations.end(), [&](const auto& entry) {
        const auto known = now.sealed.find(entry.first);
        return known != now.sealed.end() && known->second.content == entry.second.content;
    });
    if (kept || (now.sealed.empty() && !found.records.empty()))
        return;
    ++now.clears;
    now.sealed.clear();
    now.numbers.clear();
}

void RegionOracle::audit_epoch(const FoundRegion& found) {
    auto& now = life();
    if (found.epoch < now.epoch || found.epoch > now.epoch + now.takeovers_begun)
        fail("{} is in epoch {}; it should be in {} to {}", name_, found.epoch, now.epoch,
             now.epoch + now.takeovers_begun);
    if (found.keep < now.least_keep || found.keep > now.most_keep)
        fail("{} keeps {} generations; it should keep {} to {}", name_, found.keep, now.least_keep,
             now.most_keep);
    now.epoch = found.epoch;
    now.takeovers_begun = 0;
}

/// Each that is there was sealed, by its writer, with these bytes.
void RegionOracle::audit_generations(const FoundRegion& found) {
    auto& now = life();
    for (const auto& [number, generation] : found.generations) {
        ++counts_.generations_read;
        if (now.sealed.count(number) == 0 && !take_sealing(now, number, generation.content, generation.epoch))
            fail("{}@{} is there, with {} bytes, and nobody has sealed that", name_, number,
                 generation.content.size);
        auto& known = now.sealed[number];
        if (known.content != generation.content)
            fail("{}@{} has other bytes than were sealed: {} and {}, hashes {:016x} and {:016x}", name_,
                 number, generation.content.size, known.content.size, generation.content.hash,
                 known.content.hash);
        if (known.epoch != 0 && known.epoch != generation.epoch)
            fail("{}@{} is of epoch {}, and was sealed in {}", name_, number, generation.epoch, known.epoch);
        if (!known.pin_in_doubt && known.pinned != generation.pinned)
            fail("{}@{} is {}pinned", name_, number, generation.pinned ? "" : "not ");
    }
}

/// Each that was sealed is there, or was dropped by what drops.
void RegionOracle::audit_lost(const FoundRegion& found) {
    const auto& now = life();
    for (const auto& [number, generation] : now.sealed) {
        if (found.generations.count(number) != 0)
            continue;
        if (generation.pinned && !generation.pin_in_doubt)
            fail("{}@{} was pinned, and is not there", name_, number);
        const auto newer =
            static_cast<std::uint64_t>(std::distance(now.numbers.upper_bound(number), now.numbers.end()));
        if (newer < now.least_keep)
            fail("{}@{} was reported, and is not there; {} newer ones were sealed, and {} are kept", name_,
                 number, newer, now.least_keep);
    }
}

/// What retention had to drop is not there.
void RegionOracle::audit_retention(const FoundRegion& found) const {
    const auto& now = life();
    std::uint64_t newer = found.generations.size();
    for (const auto& [number, generation] : found.generations) {
        --newer;
        const auto& known = now.sealed.at(number);
        if (newer >= now.most_keep && !generation.pinned && !known.was_pinned)
            fail("{}@{} is there, though {} newer ones are, and {} are kept", name_, number, newer,
                 now.most_keep);
    }
}

void RegionOracle::audit_log(const FoundRegion& found) {
    const auto [generation, book] = log_now();
    std::uint64_t sequence = 0;
    for (const auto& record : found.records) {
        ++counts_.records_read;
        ++sequence;
        if (record.generation != generation || record.sequence != sequence)
            fail("{}: record {} behind generation {} follows record {} behind {}", name_, record.sequence,
                 record.generation, sequence - 1, generation);
        if (!book->see(sequence, record.content))
            fail(
                "{}: record {} behind generation {} has {} bytes, hash {:016x}, which nobody has appended "
                "there",
                name_, sequence, generation, record.content.size, record.content.hash);
    }
    if (sequence < book->certain())
        fail("{}: {} records behind generation {} were answered or read, and {} are there", name_,
             book->certain(), generation, sequence);
    book->settle(sequence);
}

void RegionOracle::audit_cursors(const FoundRegion& found) {
    const auto& now = life();
    for (const auto& [name, known] : now.cursors) {
        const auto at = found.cursors.find(name);
        const bool is_there = at != found.cursors.end();
        if ((!is_there && known.first + known.second != 0) || (is_there && !may_move(now, known, at->second)))
            fail("{}: cursor {} was at generation {}, record {}, and is {}", name_, name, known.first,
                 known.second,
                 is_there ? fmt::format("at {}, {}", at->second.first, at->second.second) : "not there");
    }
    for (const auto& [name, at] : found.cursors) {
        const bool too_far = at.first == newest() && at.second > found.records.size() && now.clears == 0;
        if (at.first > now.highest || too_far)
            fail("{}: cursor {} is at generation {}, record {}; the newest is {}, with {} records", name_,
                 name, at.first, at.second, newest(), found.records.size());
    }
}

/// What was found is what the next audit goes on from.
void RegionOracle::begin_anew(const FoundRegion& found) {
    auto next = life();
    remember();
    next.sealing.clear();
    std::erase_if(next.sealed, [&](const auto& entry) { return found.generations.count(entry.first) == 0; });
    next.numbers.clear();
    for (const auto& [number, generation] : found.generations) {
        next.sealed[number] = {generation.content, generation.epoch, generation.pinned, false,
                               generation.pinned};
        next.numbers.insert(number);
        was_there_[number].push_back(generation.content);
    }
    const LogKey log{next.sealed.empty() ? 0 : next.sealed.rbegin()->first, next.clears};
    std::erase_if(next.logs, [&](const auto& entry) { return entry.first != log; });
    next.cursors = found.cursors;
    next.least_keep = found.keep;
    next.most_keep =
        std::max(found.keep, found.generations.size());  // what is too much goes with the next drop
    lives_[life_number_] = std::move(next);
}

void RegionOracle::remember() {
    past_.push_back({std::move(was_there_), std::move(lives_)});
    if (past_.size() > kPasts)
        past_.pop_front();
    was_there_.clear();
    lives_.clear();
}

void RegionOracle::wiped() {
    remember();
    lives_[++life_number_];
}

}  // namespace soak
