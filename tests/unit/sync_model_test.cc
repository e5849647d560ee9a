// Every interleaving of a coordinator and two participants, with connections that are lost, requests that
// arrive after their connection was, and each of the three killed at any moment: no two of them ever restore
// different sync points, one that was reported as taken is never lost, and one that was reported as failed
// never comes back. The tables and the decisions are those of lib/sync; what sends and waits is modelled
// here. time-limit: 300
#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <functional>
#include <unordered_set>

#include "lib/sync/decision.hh"
#include "lib/sync/round.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;

namespace {

constexpr std::size_t kParticipants = 2;

struct Request {
    enum class Kind : std::uint8_t { open, prepare, complete, abort, roll_back };
    Kind kind = Kind::open;
    SyncPointId id;
    Uuid instance{};
    std::uint64_t term = 0;
    Opening why = Opening::begin;
    static void fields(auto& s, auto& c) { c(s.kind), c(s.id), c(s.instance), c(s.term), c(s.why); }
};

struct Answer {
    Request::Kind kind = Request::Kind::open;
    SyncPointId id;
    std::uint8_t good = 0;
    static void fields(auto& s, auto& c) { c(s.kind), c(s.id), c(s.good); }
};

struct Participant {
    Table table = Table(2);
    std::uint8_t is_up = 1, is_connected = 0;
    SyncPointId restored;
    std::vector<Request> requests, late;  // late: of a connection that is gone, still on their way
    std::vector<Answer> answers;
    static void fields(auto& s, auto& c) {
        c(s.table), c(s.is_up), c(s.is_connected), c(s.restored), c(s.requests), c(s.late), c(s.answers);
        const auto is_lost =
            static_cast<std::uint8_t>(s.table.is_state_lost());  // not written with the table
        c(is_lost);
    }
};

struct Coordinator {
    enum class Phase : std::uint8_t { down, opening, rolling_back, runs, prepares, gives_up };
    Phase phase = Phase::down;
    Uuid instance{};
    std::array<std::uint64_t, kParticipants> term{};
    std::uint8_t must_roll_back = 0, has_opened = 0;
    SyncPointId point;
    std::array<std::uint8_t, kParticipants> told{};  // 0 nothing, 1 holds or done, 2 lacks, 3 unknown
    static void fields(auto& s, auto& c) {
        c(s.phase), c(s.instance), c(s.must_roll_back), c(s.has_opened), c(s.point);
        for (std::size_t i = 0; i < kParticipants; ++i)
            c(s.term[i]), c(s.told[i]);
    }
};

struct World {
    std::array<Participant, kParticipants> participants;
    Coordinator coordinator;
    std::uint8_t starts = 0, kills = 0, losses = 0, points = 0;
    std::uint64_t taken = 0;            // the newest that was reported as taken
    std::vector<std::uint64_t> failed;  // those that were reported as failed
    static void fields(auto& s, auto& c) {
        for (auto& one : s.participants)
            c(one);
        c(s.coordinator), c(s.starts), c(s.kills), c(s.losses), c(s.points), c(s.taken), c(s.failed);
    }
};

struct Limits {
    std::uint8_t kills, losses, points;
};

using Phase = Coordinator::Phase;
using Kind = Request::Kind;

Uuid name_of(std::size_t participant) {
    Uuid uuid{};
    uuid[0] = static_cast<std::uint8_t>(participant + 1);
    return uuid;
}

SyncPoint point_of(const SyncPointId& id) {
    SyncPoint point;
    point.id = id;
    for (std::size_t i = 0; i < kParticipants; ++i)
        point.participants.push_back(name_of(i));
    return point;
}

std::vector<Standing> standings(const World& world) {
    std::vector<Standing> all;
    for (std::size_t i = 0; i < kParticipants; ++i)
        all.push_back(
            {name_of(i), world.participants[i].table.highest(), world.participants[i].table.held()});
    return all;
}

// What the coordinator does.

void ask(World& world, std::size_t to, Kind kind, const SyncPointId& id) {
    auto& coordinator = world.coordinator;
    if (world.participants[to].is_connected)
        world.participants[to].requests.push_back(
            {kind, id, coordinator.instance, coordinator.term[to],
             coordinator.has_opened != 0 ? Opening::again : Opening::begin});
}

void ask_all(World& world, Phase phase, Kind kind, const SyncPointId& id) {
    auto& coordinator = world.coordinator;
    coordinator.phase = phase;
    for (std::size_t i = 0; i < kParticipants; ++i) {
        coordinator.told[i] = world.participants[i].is_connected ? 0 : 3;
        ask(world, i, kind, id);
    }
}

Round::Verdict verdict(const Coordinator& coordinator) {
    Round round(kParticipants);
    for (std::size_t i = 0; i < kParticipants; ++i) {
        if (coordinator.told[i] == 1)
            round.holds(i);
        else if (coordinator.told[i] == 2)
            round.lacks(i);
        else if (coordinator.told[i] == 3)
            round.is_unknown(i);
    }
    return round.verdict();
}

void restored(World& world) {
    auto& coordinator = world.coordinator;
    for (const auto& one :
         world.participants)  // one that was killed after its answer must be rolled back again
        CHECK(one.restored == coordinator.point || !one.is_up || one.table.is_state_lost());
    CHECK(coordinator.point.number >= world.taken);
    CHECK(std::ranges::find(world.failed, coordinator.point.number) == world.failed.end());
    world.taken = std::max(world.taken, coordinator.point.number);  // it is known to be whole
    coordinator.phase = Phase::runs;
    coordinator.must_roll_back = 0;
}

/// The newest that is whole is restored if somebody has lost his state; otherwise it is said to be whole, and
/// those that are not are given up.
void all_are_open(World& world) {
    auto& coordinator = world.coordinator;
    coordinator.has_opened = 1;
    const auto all = standings(world);
    const auto newest = newest_whole(all);
    const bool lost =
        coordinator.must_roll_back != 0 ||
        std::ranges::any_of(world.participants, [](const auto& one) { return one.table.is_state_lost(); });
    if (newest && lost) {
        coordinator.point = newest->id;
        ask_all(world, Phase::rolling_back, Kind::roll_back, newest->id);
        return;
    }
    CHECK(newest || world.taken == 0);
    for (std::size_t i = 0; i < kParticipants; ++i) {
        if (newest)
            ask(world, i, Kind::complete, newest->id);
        for (const auto& held : all[i].held)
            if (!newest || held.point.id > newest->id)
                ask(world, i, Kind::abort, held.point.id);
    }
    coordinator.phase = Phase::runs;
    coordinator.must_roll_back = 0;
}

void begin_point(World& world) {
    auto& coordinator = world.coordinator;
    coordinator.point = {next_number(standings(world)), coordinator.instance};
    ++world.points;
    ask_all(world, Phase::prepares, Kind::prepare, coordinator.point);
}

/// Whether the waiting has ended.
bool go_on(World& world) {
    auto& coordinator = world.coordinator;
    const bool all_told = std::ranges::find(coordinator.told, 0) == coordinator.told.end();
    const bool all_well = std::ranges::all_of(coordinator.told, [](auto told) { return told == 1; });
    switch (coordinator.phase) {
        case Phase::opening:
            if (all_well)
                all_are_open(world);
            return all_well;
        case Phase::rolling_back:
            if (all_well)
                restored(world);
            return all_well;
        case Phase::prepares:
            if (verdict(coordinator) == Round::Verdict::open)
                return false;
            if (verdict(coordinator) == Round::Verdict::whole) {
                world.taken = coordinator.point.number;
                for (std::size_t i = 0; i < kParticipants; ++i)
                    ask(world, i, Kind::complete, coordinator.point);
                coordinator.phase = Phase::runs;
            } else {
                const auto told = coordinator.told;
                ask_all(world, Phase::gives_up, Kind::abort, coordinator.point);
                for (std::size_t i = 0; i < kParticipants; ++i)  // what is known stays known
                    if (told[i] == 2)
                        coordinator.told[i] = 2;
            }
            return true;
        case Phase::gives_up:
            if (!all_told)
                return false;
            if (verdict(coordinator) == Round::Verdict::broken)
                world.failed.push_back(coordinator.point.number);
            coordinator.phase = Phase::runs;
            return true;
        case Phase::down:
        case Phase::runs: break;
    }
    return false;
}

bool is_awaited(const Coordinator& coordinator, const Answer& answer) {
    switch (coordinator.phase) {
        case Phase::opening: return answer.kind == Kind::open;
        case Phase::rolling_back: return answer.kind == Kind::roll_back && answer.id == coordinator.point;
        case Phase::prepares: return answer.kind == Kind::prepare && answer.id == coordinator.point;
        case Phase::gives_up: return answer.kind == Kind::abort && answer.id == coordinator.point;
        case Phase::down:
        case Phase::runs: break;
    }
    return false;
}

void hear(World& world, std::size_t from) {
    auto& answers = world.participants[from].answers;
    const auto answer = answers.front();
    answers.erase(answers.begin());
    auto& coordinator = world.coordinator;
    if (!is_awaited(coordinator, answer) || coordinator.told[from] == 2)
        return;
    if (answer.kind == Kind::open)
        coordinator.term[from] = world.participants[from].table.term();
    const bool lacks = answer.kind == Kind::abort ? answer.good != 0 : answer.good == 0;
    coordinator.told[from] = lacks ? 2 : 1;
    if (answer.kind == Kind::abort && answer.good == 0)
        coordinator.told[from] = 3;
    go_on(world);
}

// What a participant does.

std::uint8_t carry_out(Participant& one, const Request& request) {
    auto& table = one.table;
    if (request.kind == Kind::open) {
        return table.open(request.instance, request.why).has_value();
    }
    if (!table.check(request.instance, request.term))
        return 0;
    switch (request.kind) {
        case Kind::prepare: return table.prepare(point_of(request.id)).has_value();
        case Kind::complete: return table.complete(request.id).has_value();
        case Kind::abort: return table.abort(request.id).has_value();
        case Kind::roll_back: return table.begin_rollback(request.id).has_value();
        case Kind::open: break;
    }
    return 0;
}

void end_rollback(Participant& one) {
    one.restored = *one.table.pending_rollback();
    one.table.end_rollback();
}

void answer(Participant& one, const Request& request, std::uint8_t good) {
    if (one.is_connected)
        one.answers.push_back({request.kind, request.id, good});
}

// All that may happen next.

class Explorer {
public:
    explicit Explorer(Limits limits) : limits_(limits) {}

    std::size_t explore() {
        visit({});
        while (!open_.empty()) {
            const auto world = std::move(open_.back());
            open_.pop_back();
            step(world);
        }
        return seen_.size();
    }
    std::size_t restored_worlds = 0;

private:
    void visit(World world) {
        wire::Encoder encoder;
        encoder(world);
        const auto& bytes = encoder.bytes();
        if (seen_.emplace(reinterpret_cast<const char*>(bytes.data()), bytes.size()).second)
            open_.push_back(std::move(world));
    }
    template <class Change>
    void then(const World& world, Change&& change) {
        auto next = world;
        change(next);
        visit(std::move(next));
    }
    void step(const World& world) {
        coordinator_steps(world);
        for (std::size_t i = 0; i < kParticipants; ++i) {
            participant_steps(world, i);
            losses(world, i);
        }
    }

    void coordinator_steps(const World& world) {
        const auto phase = world.coordinator.phase;
        if (phase == Phase::down) {
            if (world.starts <= limits_.kills)
                then(world, [](World& next) { start(next); });
            return;
        }
        if (world.kills < limits_.kills)
            for (unsigned kept = 0; kept < 1U << kParticipants; ++kept)
                then(world, [&](World& next) { kill_coordinator(next, kept); });
        const bool all_there =
            std::ranges::all_of(world.participants, [](const auto& one) { return one.is_connected != 0; });
        if (!all_there && phase != Phase::prepares && phase != Phase::gives_up && all_are_up(world))
            then(world, [](World& next) { open_all(next); });
        if (phase == Phase::runs && all_there && world.points < limits_.points)
            then(world, [](World& next) { begin_point(next); });
        for (std::size_t i = 0; i < kParticipants; ++i)
            if (!world.participants[i].answers.empty())
                then(world, [&](World& next) {
                    const bool rolled = next.coordinator.phase == Phase::rolling_back;
                    hear(next, i);
                    restored_worlds += rolled && next.coordinator.phase == Phase::runs;
                });
    }
    static bool all_are_up(const World& world) {
        return std::ranges::all_of(world.participants, [](const auto& one) { return one.is_up != 0; });
    }
    static void start(World& world) {
        ++world.starts;
        world.coordinator = {};
        world.coordinator.instance[0] = world.starts;
        world.coordinator.must_roll_back = 1;
        for (auto& one : world.participants)
            drop_connection(one, false);
        if (all_are_up(world))
            open_all(world);
        else
            world.coordinator.phase = Phase::opening;
    }
    static void open_all(World& world) {
        for (auto& one : world.participants) {
            drop_connection(one, true);
            one.is_connected = 1;
        }
        ask_all(world, Phase::opening, Kind::open, {});
    }
    /// `later`: what is on its way arrives some time.
    static void drop_connection(Participant& one, bool later) {
        if (later && one.late.empty() && !one.requests.empty())
            one.late = {one.requests.front()};
        one.requests.clear();
        one.answers.clear();
        one.is_connected = 0;
    }
    static void kill_coordinator(World& world, unsigned kept) {
        ++world.kills;
        for (std::size_t i = 0; i < kParticipants; ++i)
            drop_connection(world.participants[i], (kept >> i & 1) != 0);
        world.coordinator = {};
    }

    void participant_steps(const World& world, std::size_t i) {
        const auto& one = world.participants[i];
        if (!one.is_up) {
            then(world, [&](World& next) { restart(next.participants[i]); });
            return;
        }
        if (one.table.pending_rollback()) {
            then(world, [&](World& next) {
                auto& there = next.participants[i];
                const auto id = *there.table.pending_rollback();
                end_rollback(there);
                answer(there, {Kind::roll_back, id, {}, 0, Opening::begin}, 1);
            });
        } else if (!one.requests.empty()) {
            then(world,
                 [&](World& next) { take(next.participants[i].requests, next.participants[i], true); });
        }
        if (!one.late.empty() && !one.table.pending_rollback())
            then(world, [&](World& next) { take(next.participants[i].late, next.participants[i], false); });
        if (world.kills < limits_.kills)
            then(world, [&](World& next) { kill_participant(next, i); });
    }
    static void take(std::vector<Request>& from, Participant& one, bool answered) {
        const auto request = from.front();
        from.erase(from.begin());
        const auto good = carry_out(one, request);
        const bool later = request.kind == Kind::roll_back && good != 0;  // when the program is restored
        if (answered && !later)
            answer(one, request, good);
    }
    static void restart(Participant& one) {
        one.is_up = 1;
        one.restored = {};
        one.table.lose_state();
        if (one.table.pending_rollback())
            end_rollback(one);
    }
    static void kill_participant(World& world, std::size_t i) {
        ++world.kills;
        auto& one = world.participants[i];
        drop_connection(one, false);
        one.late.clear();
        one.is_up = 0;
        unknown(world, i);
    }
    static void unknown(World& world, std::size_t i) {
        auto& told = world.coordinator.told[i];
        if (told == 0 &&
            (world.coordinator.phase == Phase::prepares || world.coordinator.phase == Phase::gives_up)) {
            told = 3;
            go_on(world);
        }
    }
    void losses(const World& world, std::size_t i) {
        if (world.losses == limits_.losses || !world.participants[i].is_connected)
            return;
        for (const bool later : {false, true})
            then(world, [&](World& next) {
                ++next.losses;
                drop_connection(next.participants[i], later);
                unknown(next, i);
            });
    }

    const Limits limits_;
    std::unordered_set<std::string> seen_;
    std::vector<World> open_;
};

void explore(Limits limits) {
    Explorer explorer(limits);
    const auto worlds = explorer.explore();
    fmt::print("{} kills, {} losses, {} sync points: {} states, {} rollbacks\n", limits.kills, limits.losses,
               limits.points, worlds, explorer.restored_worlds);
    CHECK(explorer.restored_worlds > 0);
}

}  // namespace

int main() {
    return test::run("sync_model", {{"two sync points, a kill, a loss",
                                     [] {
                                         explore({1, 1, 2});
                                     }},
                                    {"a sync point, two kills, a loss",
                                     [] {
                                         explore({2, 1, 1});
                                     }},
                                    {"two sync points, two kills", [] {
                                         explore({2, 0, 2});
                                     }}});
}
