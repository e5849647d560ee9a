#include "tests/crash/explorer.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "lib/format/record.hh"
#include "lib/format/superblock.hh"
#include "tests/crash/images.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::crash {

void Tally::add(const Tally& other) {
    steps += other.steps;
    refused += other.refused;
    moments += other.moments;
    drawn_moments += other.drawn_moments;
    images += other.images;
    recoveries += other.recoveries;
    recorded.stores += other.recorded.stores;
    recorded.flushes += other.recorded.flushes;
    recorded.fences += other.recorded.fences;
    kinds.insert(other.kinds.begin(), other.kinds.end());
    failures.insert(failures.end(), other.failures.begin(), other.failures.end());
}

Explorer::Explorer(World& world, Limits limits, std::uint64_t seed, Recovery recovery)
    : world_(world),
      limits_(limits),
      generator_(seed),
      recovery_(recovery ? std::move(recovery) : [](std::unique_ptr<media::Medium> medium) {
          return pool::Pool::open(std::move(medium), test::pool_key());
      }) {
    world_.medium().before_persist = [this](Extent extent) { before_persist(extent); };
    world_.medium().after_persist = [this](Extent) { cut_here(); };
}

Explorer::~Explorer() {
    world_.medium().before_persist = world_.medium().after_persist = nullptr;
}

/// What the process that serves the pool would say; without one, what opening it gives.
State Explorer::live() {
    return world_.has_pool() ? observe(world_.pool()) : recover_once();
}

Explorer::Reported Explorer::reported() const {
    Reported reported;
    for (const auto& [id, log] : world_.logs())
        reported[id] = log.reported;
    return reported;
}

void Explorer::step(const std::string& name, const std::function<Status()>& run, const Between& between) {
    if (tally_.failures.size() >= limits_.failures)
        return;
    const auto recorded_before = world_.medium().recorded();
    const auto before = live();
    if (!frames_.empty())
        judge(frames_.back(), {before});
    frames_.push_back({name, before, {}});
    tally_.refused += !run();
    const auto after = live();
    auto& frame = frames_.back();
    judge(frame, {frame.before, after, between ? between(frame.before) : after});
    cut_here();
    judge(frame, {after});
    frames_.pop_back();
    ++tally_.steps;
    if (!frames_.empty()) {
        frames_.back().before = after;
        return;
    }
    const auto& recorded = world_.medium().recorded();
    tally_.recorded.stores += recorded.stores - recorded_before.stores;
    tally_.recorded.flushes += recorded.flushes - recorded_before.flushes;
    tally_.recorded.fences += recorded.fences - recorded_before.fences;
}

void Explorer::lose_a_superblock() {
    const auto wanted = live();
    for (const auto offset : format::kSuperblockOffset) {
        LineMedium medium(world_.memory());
        const Extent copy{{offset}, {format::kSuperblockBytes}};
        test::ok(medium.blank(copy));
        test::ok(medium.persist(copy));
        ++tally_.images;
        const auto found = open(medium);
        medium.revert();
        if (found.tables != wanted.tables || !found.wrong.empty())
            tally_.failures.push_back(fmt::format("without the superblock at byte {} it is\n{}not\n{}",
                                                  offset, found.describe(), wanted.describe()));
    }
}

void Explorer::before_persist(Extent extent) {
    if (frames_.empty())
        return;
    note_kind(extent);
    cut_here();
    if (!meanwhile || in_meanwhile_)
        return;
    in_meanwhile_ = true;
    meanwhile(extent);
    in_meanwhile_ = false;
}

/// Of a record that is being appended to the half in use; a snapshot's verify with another seed.
void Explorer::note_kind(Extent extent) {
    const auto memory = std::span<const std::byte>(world_.memory());
    format::Superblock newest;
    for (const auto offset : format::kSuperblockOffset) {
        const auto [state, superblock] =
            format::read_superblock(memory.subspan(offset, format::kSuperblockBytes));
        if (state == format::SuperblockState::valid && superblock.sequence >= newest.sequence)
            newest = superblock;
    }
    const auto seed = format::journal_seed(newest, newest.first_sequence);
    if (const auto record = format::read_record(seed, memory, extent.at.bytes))
        tally_.kinds.insert(record->kind);
}

void Explorer::cut_here() {
    if (frames_.empty())
        return;
    auto& frame = frames_.back();
    const auto reported = this->reported();
    const auto lines = world_.medium().open_lines();  // a copy: recoveries have a medium of their own
    const auto visited = for_each_image(world_.memory(), lines, limits_.images, generator_, [&] {
        for (const auto& state : recover())
            ++frame.seen[Seen{state, reported}];
    });
    ++tally_.moments;
    tally_.drawn_moments += !visited.all;
    tally_.images += visited.images;
}

void Explorer::judge(Frame& frame, const std::vector<State>& allowed) {
    for (const auto& [seen, count] : frame.seen) {
        const auto wrong = complaint(seen, allowed);
        if (!wrong.empty() && tally_.failures.size() < limits_.failures)
            tally_.failures.push_back(fmt::format("{} ({} images): {}", frame.name, count, wrong));
    }
    frame.seen.clear();
}

std::string Explorer::complaint(const Seen& seen, const std::vector<State>& allowed) const {
    const auto& state = seen.state;
    if (!state.wrong.empty())
        return state.wrong;
    const auto same = [&](const State& one) { return one.tables == state.tables; };
    if (std::ranges::none_of(allowed, same))
        return fmt::format("recovered is\n{}which is neither\n{}nor\n{}", state.describe(),
                           allowed.front().describe(), allowed.back().describe());
    for (const auto& [id, payloads] : state.logs) {
        const auto known = seen.reported.find(id);
        const auto wrong = complaint_of_log(id, payloads, known == seen.reported.end() ? 0 : known->second);
        if (!wrong.empty())
            return wrong;
    }
    return {};
}

std::string Explorer::complaint_of_log(std::uint64_t id, const std::vector<Payload>& found,
                                       std::size_t reported) const {
    const auto known = world_.logs().find(id);
    const auto written = known == world_.logs().end() ? std::vector<Payload>() : known->second.written;
    if (found.size() < reported)
        return fmt::format("log {:x} has {} records, and {} were reported\n", id, found.size(), reported);
    if (found.size() > written.size() || !std::equal(found.begin(), found.end(), written.begin()))
        return fmt::format("log {:x} has {} records that are not the first of the {} written\n", id,
                           found.size(), written.size());
    return {};
}

State Explorer::open(LineMedium& medium) {
    ++tally_.recoveries;
    const auto pool = recovery_(std::make_unique<Borrowed>(medium));
    return pool ? observe(**pool) : unopened(pool.error().code);
}

State Explorer::recover_once() {
    LineMedium medium(world_.memory());
    auto state = open(medium);
    medium.revert();
    return state;
}

/// Of what is in the memory now.
std::set<State> Explorer::recover() {
    LineMedium medium(world_.memory());
    std::set<State> of_cut_recoveries;
    const auto cut = [&] {
        if (!medium.open_lines()
                 .empty())  // else it is the image that is being recovered, or one that was here
            for_each_image(world_.memory(), OpenLines(medium.open_lines()), limits_.images_in_recovery,
                           generator_, [&] { of_cut_recoveries.insert(recover_once()); });
    };
    medium.before_persist = [&](Extent) { cut(); };
    auto state = open(medium);
    cut();
    medium.before_persist = nullptr;
    if (const auto again = open(medium); again != state)
        state.wrong +=
            fmt::format("recovered twice, with two results:\n{}and\n{}", state.describe(), again.describe());
    if (tally_.recoveries % limits_.work_on_every == 0)
        state.wrong += work_on(medium, state);
    medium.revert();
    of_cut_recoveries.insert(std::move(state));
    return of_cut_recoveries;
}

/// A region more, durable when it was reported.
std::string Explorer::work_on(LineMedium& medium, const State& recovered) {
    const auto pool = recovery_(std::make_unique<Borrowed>(medium));
    if (!pool)
        return {};  // the state says so already
    const auto made = (*pool)->create_region("worked-on", "alice", {});
    if (!made)
        return fmt::format("what was recovered can't be worked on: {}\n", made.error().message);
    auto worked_on = observe(**pool);
    for (const auto& [line, contents] : OpenLines(medium.open_lines()))
        std::ranges::copy(contents.front(), world_.memory().subspan(line * kLineBytes).begin());
    const auto found = recover_once();
    const bool same = found == worked_on && found.tables != recovered.tables;
    return same ? std::string()
                : fmt::format("after it was recovered and worked on it is\n{}not\n{}", found.describe(),
                              worked_on.describe());
}

}  // namespace pmemckpt::crash
