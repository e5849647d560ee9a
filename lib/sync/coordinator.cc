#include "lib/sync/coordinator.hh"

#include <algorithm>
#include <cerrno>
#include <new>
#include <numeric>
#include <set>
#include <thread>

#include "lib/sync/job.hh"

namespace pmemckpt::sync {

namespace {

std::optional<Error> first_error(const std::vector<Status>& results) {
    const auto failed = std::ranges::find_if(results, [](const Status& status) { return !status; });
    return failed == results.end() ? std::nullopt : std::optional(failed->error());
}

/// EBADMSG and ENOENT say that nothing was changed, which is not so any more.
int code_of_half_done(int code) {
    return code == EBADMSG || code == ENOENT ? EIO : code;
}

Status check(const Coordinator::Options& options) {
    TRY(check_job_name(options.job));
    if (options.participants.empty())
        return fail(EINVAL, "a job needs a participant");
    if (options.participants.size() > kMostParticipants)
        return fail(EINVAL, "a job has {} participants at most; {} were named", kMostParticipants,
                    options.participants.size());
    return {};
}

}  // namespace

Coordinator::Coordinator(Options options, Program program)
    : options_(std::move(options)), program_(std::move(program)), instance_(random_uuid()) {
    for (const auto& address : options_.participants)
        seats_.push_back({address, nullptr, {}});
}

Result<std::unique_ptr<Coordinator>> Coordinator::open(Options options, Program program) {
    TRY(check(options));
    auto coordinator = std::unique_ptr<Coordinator>(new Coordinator(std::move(options), std::move(program)));
    TRY(coordinator->open_all(Opening::begin));
    return coordinator;
}

Coordinator::~Coordinator() {
    at_all([](Seat& seat) {
        if (seat.peer && !seat.peer->is_lost())
            seat.peer->say_goodbye();
        return Status();
    });
}

Coordinator::Seats Coordinator::all_seats() const {
    Seats all(seats_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
}

Result<Coordinator::Seats> Coordinator::seats_of(const std::vector<std::string>& participants) const {
    if (participants.empty())
        return fail(EINVAL, "a rollback of no participant was asked for");
    Seats chosen;
    for (const auto& address : participants) {
        const auto found = std::ranges::find(seats_, address, &Seat::address);
        if (found == seats_.end())
            return fail(EINVAL, "{} is no participant of job {}", address, options_.job);
        const auto place = static_cast<std::size_t>(found - seats_.begin());
        if (std::ranges::find(chosen, place) != chosen.end())
            return fail(EINVAL, "{} was named twice", address);
        chosen.push_back(place);
    }
    return chosen;
}

/// At the same time, each in a thread of its own; what each gave. Nothing is thrown.
template <class Do>
std::vector<Status> Coordinator::at(const Seats& chosen, Do&& action) {
    std::vector<Status> results(chosen.size());
    const auto act = [&](std::size_t i) noexcept {
        try {
            results[i] = action(seats_[chosen[i]], i);
        } catch (const std::bad_alloc&) {
            results[i] = fail(ENOMEM, "there is no memory left for {}", seats_[chosen[i]].address);
        } catch (const std::exception& exception) {
            results[i] = fail(EIO, "{}: {}", seats_[chosen[i]].address, exception.what());
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        try {
            threads.emplace_back(act, i);
        } catch (const std::exception&) {  // no thread can be made: by this one, then
            act(i);
        }
    }
    threads.clear();  // waits for them
    return results;
}

template <class Do>
std::vector<Status> Coordinator::at_all(Do&& action) {
    return at(all_seats(), [&](Seat& seat, std::size_t) { return action(seat); });
}

bool Coordinator::is_any_lost() const {
    return std::ranges::any_of(seats_, [](const Seat& seat) { return !seat.peer || seat.peer->is_lost(); });
}

/// All must be there before one is asked: an opening fences who had the job.
Status Coordinator::open_all(Opening why) {
    is_open_ = false;
    TRY(reach_all(why));
    TRY(settle());
    if (why == Opening::begin && !newest_ && must_roll_back_) {
        TRY(ask_all_for_tables(why));  // what was not whole is given up: now all begin anew
        TRY(settle());
    }
    is_open_ = true;
    return {};
}

/// That a participant was started anew since it was asked last is found out by asking: then once more, over a
/// new connection.
Status Coordinator::reach_all(Opening why) {
    const bool are_old = std::ranges::any_of(seats_, [](const Seat& seat) { return seat.peer != nullptr; });
    TRY(connect_all());
    TRY(check_apart());
    auto asked = ask_all_for_tables(why);
    if (asked || !are_old || !is_any_lost() || asked.error().code == ETIMEDOUT)
        return asked;
    TRY(connect_all());
    TRY(check_apart());
    return ask_all_for_tables(why);
}

Status Coordinator::connect_all() {
    const auto connected = at_all([&](Seat& seat) -> Status {
        if (seat.peer && !seat.peer->is_lost())
            return {};
        seat.peer.reset();
        seat.peer =
            TRY(Peer::connect({seat.address, options_.principal, options_.key_dir, options_.timeout_ms}));
        return {};
    });
    if (auto error = first_error(connected))
        return tl::unexpected(std::move(*error));
    return {};
}

/// It raises the term everywhere: what was asked before can't change a table that is read now.
Status Coordinator::ask_all_for_tables(Opening why) {
    const auto opened = at_all([&](Seat& seat) -> Status {
        seat.opened = TRY(seat.peer->open(options_.job, instance_, why));
        return {};
    });
    if (auto error = first_error(opened))
        return tl::unexpected(std::move(*error));
    return {};
}

Result<std::unique_ptr<FileSession>> Coordinator::open_files(const std::string& participant,
                                                             std::uint64_t session) const {
    TRY(seats_of({participant}));
    return FileSession::connect({participant, options_.principal, options_.key_dir, options_.timeout_ms},
                                {options_.job, instance_, session, rollbacks_});
}

Status Coordinator::check_apart() const {
    std::set<Uuid> known;
    for (const auto& seat : seats_)
        if (!known.insert(seat.peer->participant()).second)
            return fail(EINVAL, "{} is participant {}, which was named already", seat.address,
                        to_string(seat.peer->participant()));
    return {};
}

std::vector<Standing> Coordinator::standings() const {
    std::vector<Standing> all;
    for (const auto& seat : seats_)
        all.push_back({seat.peer->participant(), seat.opened.highest, seat.opened.held});
    return all;
}

/// What is whole is said to be; what is newer than that, and is not, is given up. But nothing is dropped when
/// there is to be a rollback: that does it.
Status Coordinator::settle() {
    const auto all = standings();
    next_number_ = std::max(next_number_, sync::next_number(all));
    const auto newest = newest_whole(all);
    if (!newest && newest.error().code != ENOENT)
        return tl::unexpected(newest.error());
    newest_ = newest ? std::optional(newest->id) : std::nullopt;
    const auto has_lost_state = [](const Seat& seat) { return seat.opened.state_lost != 0; };
    must_roll_back_ = (newest_ && must_roll_back_) || std::ranges::any_of(seats_, has_lost_state);
    if (must_roll_back_ && newest_)
        return {};
    const auto settled = at_all([&](Seat& seat) -> Status {
        const bool holds = newest && std::ranges::find(newest->participants, seat.peer->participant()) !=
                                         newest->participants.end();
        if (holds)
            TRY(seat.peer->complete(*newest_));
        return give_up_above(seat, newest_);
    });
    if (auto error = first_error(settled))
        return tl::unexpected(std::move(*error));
    return {};
}

Status Coordinator::give_up_above(Seat& seat, const std::optional<SyncPointId>& kept) {
    for (const auto& held : seat.opened.held)
        if (!kept || held.point.id > *kept)
            TRY(seat.peer->abort(held.point.id));
    return {};
}

Result<std::vector<std::byte>> Coordinator::save(const SyncPointId& id) {
    std::vector<std::byte> state;
    auto saved = program_.save(id, [&](std::span<const std::byte> bytes) {
        state.insert(state.end(), bytes.begin(), bytes.end());
        return Status();
    });
    if (!saved)
        return tl::unexpected(as_programs(std::move(saved).error()));
    return state;
}

SyncPoint Coordinator::make_point(std::span<const std::byte> state) const {
    SyncPoint point;
    point.id = {next_number_, instance_};
    for (const auto& seat : seats_)
        point.participants.push_back(seat.peer->participant());
    std::ranges::sort(point.participants);
    point.coordinator_bytes = state.size();
    point.coordinator_digest = digest_of(state);
    return point;
}

Status Coordinator::check_can_begin() const {
    if (must_roll_back_ && newest_)
        return fail(EUCLEAN, "a program of job {} was started anew since sync point {}: roll back first",
                    options_.job, to_string(*newest_));
    if (must_roll_back_)
        return fail(
            EUCLEAN,
            "a program of job {} was started anew, and there is no sync point to roll back to: start the "
            "others anew as well",
            options_.job);
    if (next_number_ >= kLastNumber)
        return fail(EOVERFLOW, "the numbers of job {} are used up: give it another name", options_.job);
    return {};
}

Result<SyncPointId> Coordinator::sync_point() {
    if (!is_open_ || is_any_lost())
        TRY(open_all(Opening::again));
    TRY(check_can_begin());
    const auto state = TRY(save({next_number_, instance_}));
    const auto point = make_point(state);
    ++next_number_;
    TRY(offer(point, state));
    newest_ = point.id;
    return point.id;
}

/// To all at the same time.
Status Coordinator::offer(const SyncPoint& point, std::span<const std::byte> state) {
    const auto answers = at_all([&](Seat& seat) { return seat.peer->prepare(point, state); });
    Round round(seats_.size());
    for (std::size_t i = 0; i < seats_.size(); ++i) {
        if (answers[i])
            round.holds(i);
        else if (seats_[i].peer->is_lost())
            round.is_unknown(i);
        else
            round.lacks(i);
    }
    if (round.verdict() != Round::Verdict::whole)
        return give_up(point, round, *first_error(answers));
    // Who does not hear it is told at the next opening.
    at_all([&](Seat& seat) { return seat.peer->complete(point.id); });
    return {};
}

/// One that promises never to hold it is enough.
Status Coordinator::give_up(const SyncPoint& point, Round round, const Error& why) {
    const auto promised = at_all([&](Seat& seat) { return seat.peer->abort(point.id); });
    for (std::size_t i = 0; i < seats_.size(); ++i)
        if (promised[i])
            round.lacks(i);
    if (round.verdict() != Round::Verdict::broken)
        return resolve(point, why);
    return fail(why.code, "sync point {} was not taken, the former one stands: {}", point.id.number,
                why.message);
}

/// All are asked again what they hold.
Status Coordinator::resolve(const SyncPoint& point, const Error& why) {
    const auto opened = open_all(Opening::again);
    if (!opened && opened.error().code == ESTALE)
        return fail(ESTALE, "sync point {}: {}; and then: {}", point.id.number, why.message,
                    opened.error().message);
    if (!opened)
        return fail(EINPROGRESS,
                    "sync point {} is in doubt, till all participants can be reached again: {}; and then: {}",
                    point.id.number, why.message, opened.error().message);
    if (newest_ == point.id)
        return {};
    return fail(why.code, "sync point {} was not taken, the former one stands: {}", point.id.number,
                why.message);
}

Result<SyncPointId> Coordinator::rollback(std::optional<std::uint64_t> number) {
    return roll_back(all_seats(), number);
}

Result<SyncPointId> Coordinator::rollback_of(const std::vector<std::string>& participants,
                                             std::optional<std::uint64_t> number) {
    return roll_back(TRY(seats_of(participants)), number);
}

Result<SyncPointId> Coordinator::roll_back(const Seats& chosen, std::optional<std::uint64_t> number) {
    TRY(open_all(Opening::roll_back));
    const auto all = standings();
    const auto point = TRY(number ? whole(all, *number) : newest_whole(all));
    TRY(check_rest(chosen));
    const auto verified = at(chosen, [&](Seat& seat, std::size_t) { return seat.peer->verify(point.id); });
    if (auto error = first_error(verified))
        return tl::unexpected(std::move(*error));
    must_roll_back_ = true;
    if (auto restored = restore_all(chosen, point); !restored)
        return fail(code_of_half_done(restored.error().code),
                    "the rollback to sync point {} is not at its end, and must be repeated: {}",
                    to_string(point.id), restored.error().message);
    must_roll_back_ = false;
    newest_ = point.id;
    ++*rollbacks_;
    return point.id;
}

/// The others, which are left as they are, hold nothing later either, then.
Status Coordinator::restore_all(const Seats& chosen, const SyncPoint& point) {
    const auto state = TRY(roll_back_seats(chosen, point));
    const auto rest = at_all([&](Seat& seat) -> Status {
        const bool is_chosen =
            std::ranges::any_of(chosen, [&](std::size_t place) { return &seats_[place] == &seat; });
        return is_chosen ? Status() : give_up_above(seat, point.id);
    });
    if (auto error = first_error(rest))
        return tl::unexpected(std::move(*error));
    return restore(point.id, state);
}

/// Those that are not rolled back have a state.
Status Coordinator::check_rest(const Seats& chosen) const {
    for (std::size_t i = 0; i < seats_.size(); ++i)
        if (seats_[i].opened.state_lost != 0 && std::ranges::find(chosen, i) == chosen.end())
            return fail(EUCLEAN, "{} was started anew, and must be rolled back as well", seats_[i].address);
    return {};
}

Status Coordinator::restore(const SyncPointId& id, const std::vector<std::byte>& state) {
    std::size_t at = 0;
    auto restored = program_.restore(id, [&](std::span<std::byte> into) -> Result<std::size_t> {
        const auto count = std::min(into.size(), state.size() - at);
        std::copy_n(state.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
        at += count;
        return count;
    });
    return restored ? Status() : Status(tl::unexpected(as_programs(std::move(restored).error())));
}

/// The coordinator's state, which all of them gave back.
Result<std::vector<std::byte>> Coordinator::roll_back_seats(const Seats& chosen, const SyncPoint& point) {
    std::vector<std::byte> state;
    const auto results = at(chosen, [&](Seat& seat, std::size_t i) {
        return seat.peer->rollback(point, [&](std::span<const std::byte> bytes) {
            if (i == 0)
                state.insert(state.end(), bytes.begin(), bytes.end());
            return Status();
        });
    });
    if (auto error = first_error(results))
        return tl::unexpected(std::move(*error));
    return state;
}

}  // namespace pmemckpt::sync
