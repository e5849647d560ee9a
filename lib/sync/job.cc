#include "lib/sync/job.hh"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/log.hh"
#include "lib/sync/stream.hh"

namespace pmemckpt::sync {

namespace {

Place* find_place(std::vector<Place>& places, const SyncPointId& id) {
    const auto found = std::ranges::find(places, id, &Place::id);
    return found == places.end() ? nullptr : &*found;
}

const SyncPoint* find_point(const Table& table, const SyncPointId& id) {
    const auto found =
        std::ranges::find(table.held(), id, [](const Table::Held& held) { return held.point.id; });
    return found == table.held().end() ? nullptr : &found->point;
}

std::uint64_t all_bytes(const SyncPoint& point) {
    return point.coordinator_bytes + point.participant_bytes;
}

}  // namespace

Status check_job_name(const std::string& name) {
    constexpr std::size_t kLongestName = 255;
    const auto is_good = [](unsigned char c) { return c > ' ' && c != 0x7f; };
    if (name.empty() || name.size() > kLongestName || !std::ranges::all_of(name, is_good))
        return fail(EINVAL, "a job's name has 1 to {} bytes, without spaces; this one has {}", kLongestName,
                    name.size());
    return {};
}

Job::Job(std::unique_ptr<CheckpointFile> file, Program program, std::uint32_t keep)
    : file_(std::move(file)), program_(std::move(program)), identity_(file_->snapshot()) {
    table_ = identity_.table;
    table_.set_keep(keep);
    name_ = identity_.job;
}

Result<std::unique_ptr<Job>> Job::open(std::unique_ptr<CheckpointFile> file, Program program,
                                       std::uint32_t keep) {
    auto job = std::unique_ptr<Job>(new Job(std::move(file), std::move(program), keep));
    TRY(job->begin());
    return job;
}

/// One that can't be restored is served all the same: its coordinator may roll it back to an earlier one.
Status Job::begin() {
    table_.lose_state();
    const auto pending = table_.pending_rollback();
    if (!pending)
        return {};
    const auto kept = TRY(find(*pending));
    auto restored = verify(kept);
    if (restored)
        restored = restore(kept);
    if (!restored) {
        log::error("{}: the rollback to sync point {} could not be ended: {}", file_->name(),
                   to_string(*pending), restored.error().message);
        return {};
    }
    return change([](Table& table, auto&) {
        table.end_rollback();
        return Status();
    });
}

/// Nobody is answered any more: so it is told here.
void Job::give_up_file(const Error& why) {
    failed_ = Error{EIO, fmt::format("the checkpoint file can't be trusted any more, start the participant "
                                     "anew: {}",
                                     why.message)};
    log::error("{}: {}", file_->name(), failed_->message);
}

/// Under the lock. What the change did is durable, or has not happened.
template <class Change>
Status Job::change(Change&& change) {
    if (failed_)
        return tl::unexpected(*failed_);
    auto next = file_->snapshot();
    next.job = name_;
    next.table = table_;
    TRY(change(next.table, next.places));
    std::erase_if(next.places, [&](const Place& place) { return !find_point(next.table, place.id); });
    auto table = next.table;
    if (auto committed = file_->commit(std::move(next)); !committed) {
        auto error = std::move(committed).error();
        if (error.code == EAGAIN)  // nothing has changed: it can be asked for again
            error.code = EIO;
        else if (error.code != EMSGSIZE)
            give_up_file(error);
        return tl::unexpected(std::move(error));
    }
    table_ = std::move(table);
    return {};
}

Result<Opened> Job::open(const std::string& name, const Uuid& instance, Opening why, Line line) {
    TRY(check_job_name(name));
    const std::lock_guard lock(mutex_);
    if (!name_.empty() && name_ != name)
        return fail(EBUSY, "{} is of job {}, and not of {}: give each job a checkpoint file of its own",
                    file_->name(), name_, name);
    const auto before = std::exchange(name_, name);
    Opened opened;
    auto changed = change([&](Table& table, auto&) -> Status {
        opened.term = TRY(table.open(instance, why));
        return {};
    });
    if (!changed) {
        name_ = before;
        return tl::unexpected(std::move(changed).error());
    }
    if (line_.cut && line_.which != line.which)
        line_.cut();
    line_ = std::move(line);
    opened.highest = table_.highest();
    opened.held = table_.held();
    opened.state_lost = table_.must_roll_back();
    return opened;
}

void Job::forget_line(const void* which) {
    const std::lock_guard lock(mutex_);
    if (line_.which == which)
        line_ = {};
}

Status Job::check_instance(const std::string& name, const Uuid& instance) const {
    const std::lock_guard lock(mutex_);
    if (failed_)
        return tl::unexpected(*failed_);
    if (name != name_ || instance != table_.instance())
        return fail(ESTALE, "job {} is not open, or another coordinator has it: open it before", name);
    if (table_.must_roll_back())
        return fail(EUCLEAN, "the program was started anew since job {} was opened: roll back first", name);
    return {};
}

Status Job::check_is_restored() const {
    const std::lock_guard lock(mutex_);
    if (const auto pending = table_.pending_rollback())
        return fail(EUCLEAN, "the rollback to sync point {} has not ended: roll back again",
                    to_string(*pending));
    return {};
}

bool Job::has_failed() const {
    const std::lock_guard lock(mutex_);
    return failed_.has_value();
}

JobListed Job::listed() const {
    const std::lock_guard lock(mutex_);
    return {name_, table_.term(), table_.highest(), table_.must_roll_back(), table_.held()};
}

Status Job::check_point(const SyncPoint& point) const {
    const auto& all = point.participants;
    if (all.size() > kMostParticipants)
        return fail(EINVAL, "sync point {} has {} participants: {} at most", to_string(point.id), all.size(),
                    kMostParticipants);
    if (!std::ranges::is_sorted(all, std::less_equal()))
        return fail(EINVAL, "the participants of sync point {} are not in ascending order",
                    to_string(point.id));
    if (std::ranges::find(all, identity_.participant) == all.end())
        return fail(EINVAL, "this participant is none of the {} of sync point {}", all.size(),
                    to_string(point.id));
    if (point.coordinator_bytes > INT64_MAX)
        return fail(EINVAL, "a state of {} bytes can't be kept", point.coordinator_bytes);
    return {};
}

Result<std::unique_ptr<CheckpointFile::Draft>> Job::begin_draft(const Asker& asker, const SyncPoint& point) {
    const std::lock_guard lock(mutex_);
    if (failed_)
        return tl::unexpected(*failed_);
    TRY(table_.check(asker.instance, asker.term));
    TRY(check_point(point));
    TRY(table_.check_prepare(point.id));
    return file_->begin(point.id);
}

/// The digest is that of the program's state.
Status Job::write_states(CheckpointFile::Draft& draft, SyncPoint& point, Digest& digest,
                         const Source& state) {
    std::vector<std::byte> piece(kPiece);
    Digester coordinators;
    for (std::uint64_t left = point.coordinator_bytes; left != 0;) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size()));
        const auto got = std::span(piece).first(TRY(state(std::span(piece).first(wanted))));
        if (got.empty())
            return fail(EBADMSG, "of the coordinator's state {} bytes are missing", left);
        coordinators.add(got);
        TRY(draft.write(got));
        left -= got.size();
    }
    if (coordinators.end() != point.coordinator_digest)
        return fail(EBADMSG, "the coordinator's state of {} bytes is not the one that was announced",
                    point.coordinator_bytes);
    Digester programs;
    point.participant_bytes = 0;
    auto saved = program_.save(point.id, [&](std::span<const std::byte> bytes) {
        programs.add(bytes);
        point.participant_bytes += bytes.size();
        return draft.write(bytes);
    });
    digest = programs.end();
    return saved ? Status() : Status(tl::unexpected(as_programs(std::move(saved).error())));
}

Result<std::uint64_t> Job::prepare(const Asker& asker, SyncPoint point, const Source& coordinator_state) {
    const std::lock_guard program(program_mutex_);
    const auto draft = TRY(begin_draft(asker, point));
    Place place{point.id, {}, {}};
    TRY(write_states(*draft, point, place.participant_digest, coordinator_state));
    place.segments = TRY(draft->finish());  // cut before: nothing; after: the same, and room to be freed

    const std::lock_guard lock(mutex_);
    TRY(table_.check(asker.instance, asker.term));  // meanwhile it may have been opened anew, or given up
    const auto hold = [&](Table& table, std::vector<Place>& places) {
        places.push_back(place);
        return table.prepare(point);
    };
    TRY(change(hold));  // cut before: nothing; after: it is held
    return point.participant_bytes;
}

Status Job::complete(const Asker& asker, const SyncPointId& id) {
    std::unique_lock lock(mutex_);
    TRY(table_.check(asker.instance, asker.term));
    TRY(change([&](Table& table, auto&) { return table.complete(id); }));
    const auto oldest = table_.held().empty() ? std::nullopt : std::optional(table_.held().front().point.id);
    lock.unlock();
    if (program_.forget_before && oldest)
        program_.forget_before(*oldest);
    return {};
}

Status Job::abort(const Asker& asker, const SyncPointId& id) {
    const std::lock_guard lock(mutex_);
    TRY(table_.check(asker.instance, asker.term));
    return change([&](Table& table, auto&) { return table.abort(id); });
}

Result<Job::Kept> Job::find(const SyncPointId& id) const {
    const auto* const point = find_point(table_, id);
    auto places = file_->snapshot().places;
    const auto* const place = find_place(places, id);
    if (!point || !place)
        return fail(ENOENT, "sync point {} is not held here", to_string(id));
    return Kept{*point, *place};
}

Status Job::read(const Place& place, Extent range, const Sink& sink) const {
    std::vector<std::byte> piece(kPiece);
    while (range.size.bytes != 0) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(range.size.bytes, piece.size()));
        TRY(file_->read(place, range.at, std::span(piece).first(count)));
        TRY(sink(std::span(piece).first(count)));
        range.at.bytes += count;
        range.size.bytes -= count;
    }
    return {};
}

Status Job::verify(const Kept& kept) const {
    const auto check = [&](Extent range, const Digest& wanted, const char* whose) -> Status {
        Digester digester;
        TRY(read(kept.place, range, [&](std::span<const std::byte> bytes) {
            digester.add(bytes);
            return Status();
        }));
        if (digester.end() != wanted)
            return fail(EBADMSG, "the {} state of sync point {}, {} bytes in {}, does not verify", whose,
                        to_string(kept.point.id), range.size.bytes, file_->name());
        return {};
    };
    TRY(check({{0}, {kept.point.coordinator_bytes}}, kept.point.coordinator_digest, "coordinator's"));
    return check({{kept.point.coordinator_bytes}, {kept.point.participant_bytes}},
                 kept.place.participant_digest, "program's");
}

Status Job::verify(const Asker& asker, const SyncPointId& id) const {
    std::unique_lock lock(mutex_);
    TRY(table_.check(asker.instance, asker.term));
    const auto kept = TRY(find(id));
    lock.unlock();
    auto verified = verify(kept);
    lock.lock();
    TRY(table_.check(asker.instance, asker.term));
    TRY(find(id));  // it was dropped meanwhile, and its place written over
    return verified;
}

/// The program is given bytes that are read a second time: so they are compared a second time, with those
/// that it did not ask for.
Status Job::restore(const Kept& kept) {
    auto at = kept.point.coordinator_bytes;
    Digester digester;
    const Source source = [&](std::span<std::byte> into) -> Result<std::size_t> {
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), all_bytes(kept.point) - at));
        TRY(file_->read(kept.place, {at}, into.first(count)));
        digester.add(into.first(count));
        at += count;
        return count;
    };
    if (auto restored = program_.restore(kept.point.id, source); !restored)
        return tl::unexpected(as_programs(std::move(restored).error()));
    std::vector<std::byte> rest(kPiece);
    while (TRY(source(rest)) != 0) {
    }
    if (digester.end() == kept.place.participant_digest)
        return {};
    return fail(EBADMSG,
                "the program was restored from other bytes than were kept of sync point {} in {}: roll back "
                "again, to an older one if need be",
                to_string(kept.point.id), file_->name());
}

Result<SyncPoint> Job::rollback(const Asker& asker, const SyncPointId& id) {
    const std::lock_guard program(program_mutex_);
    std::unique_lock lock(mutex_);
    TRY(table_.check(asker.instance, asker.term));
    const auto kept = TRY(find(id));
    lock.unlock();
    TRY(verify(kept));
    lock.lock();
    TRY(table_.check(asker.instance, asker.term));
    TRY(change([&](Table& table, auto&) {
        return table.begin_rollback(id);
    }));  // cut after: it is ended at the start
    lock.unlock();
    TRY(restore(kept));
    lock.lock();
    TRY(change([](Table& table, auto&) {  // cut before: the same program is restored again
        table.end_rollback();
        return Status();
    }));
    return kept.point;
}

Status Job::read_coordinator_state(const SyncPointId& id, const Sink& sink) const {
    std::unique_lock lock(mutex_);
    const auto kept = TRY(find(id));
    lock.unlock();
    return read(kept.place, {{0}, {kept.point.coordinator_bytes}}, sink);
}

}  // namespace pmemckpt::sync
