#include "lib/sync/table.hh"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pmemckpt::sync {

Result<std::uint64_t> Table::open(const Uuid& instance, Opening why) {
    if (why > Opening::begin)
        return fail(EINVAL, "a job can't be opened for reason {}: it is none", static_cast<unsigned>(why));
    if (why == Opening::again && instance != instance_)
        return fail(ESTALE, "another coordinator has taken this job over: roll back, or end this one");
    if (why == Opening::begin && held_.empty())
        state_lost_ = false;
    instance_ = instance;
    return ++term_;
}

Status Table::check(const Uuid& instance, std::uint64_t term) const {
    if (instance == instance_ && term == term_)
        return {};
    return fail(ESTALE,
                "another coordinator has opened this job in term {}; this one had term {}: open it anew",
                term_, term);
}

Table::Held* Table::find(const SyncPointId& id) {
    const auto found = std::ranges::find(held_, id, [](const Held& held) { return held.point.id; });
    return found == held_.end() ? nullptr : &*found;
}

bool Table::holds(const SyncPointId& id) const {
    return std::ranges::any_of(held_, [&](const Held& held) { return held.point.id == id; });
}

Status Table::check_number(const SyncPointId& id) {
    if (id.number == 0 || id.number > kLastNumber)
        return fail(EINVAL, "{} is no number of a sync point", id.number);
    return {};
}

bool Table::is_sound() const {
    const auto is_next = [before = std::uint64_t{0}](const Held& held) mutable {
        return std::exchange(before, held.point.id.number) < held.point.id.number;
    };
    return held_.size() <= kMostHeld && highest_ <= kLastNumber && std::ranges::all_of(held_, is_next) &&
           (held_.empty() || held_.back().point.id.number <= highest_);
}

Status Table::check_prepare(const SyncPointId& id) const {
    TRY(check_number(id));
    if (holds(id))
        return fail(EALREADY, "sync point {} is held already", to_string(id));
    if (must_roll_back())
        return fail(EUCLEAN, "the program has lost its state and is not rolled back: roll back first");
    if (id.number <= highest_)
        return fail(ESTALE, "sync point {} was begun too late: number {} was used here", to_string(id),
                    highest_);
    if (held_.size() == kMostHeld)
        return fail(
            ENOSPC,
            "{} sync points are held here, the limit, and {} of them are in doubt: a rollback drops those",
            held_.size(), std::ranges::count(held_, 0, &Held::complete));
    return {};
}

Status Table::prepare(SyncPoint point) {
    TRY(check_prepare(point.id));
    highest_ = point.id.number;
    held_.push_back({std::move(point), 0});
    return {};
}

/// For a later one that is complete.
bool Table::was_dropped(const SyncPointId& id) const {
    return std::ranges::any_of(
        held_, [&](const Held& held) { return held.complete != 0 && held.point.id.number > id.number; });
}

Status Table::complete(const SyncPointId& id) {
    if (auto* const held = find(id)) {
        held->complete = 1;
        drop_old();
        return {};
    }
    if (was_dropped(id))
        return {};
    return fail(ENOENT, "sync point {} is not held here", to_string(id));
}

/// What lies before the `keep` newest complete ones.
void Table::drop_old() {
    std::uint32_t complete = 0;
    for (auto at = held_.end(); at != held_.begin();) {
        --at;
        if (at->complete != 0 && ++complete == keep_) {
            held_.erase(held_.begin(), at);
            return;
        }
    }
}

Status Table::abort(const SyncPointId& id) {
    TRY(check_number(id));
    if (rolling_back_ != 0 && rolls_back_to_ == id)
        return fail(EBUSY, "sync point {} is being rolled back to, and can't be given up", to_string(id));
    std::erase_if(held_, [&](const Held& one) { return one.point.id == id; });
    highest_ = std::max(highest_, id.number);
    return {};
}

Status Table::begin_rollback(const SyncPointId& id) {
    if (!holds(id))
        return fail(ENOENT, "sync point {} is not held here", to_string(id));
    std::erase_if(held_, [&](const Held& held) { return held.point.id.number > id.number; });
    rolling_back_ = 1;
    rolls_back_to_ = id;
    return {};
}

void Table::end_rollback() {
    rolling_back_ = 0;
    state_lost_ = false;
}

std::optional<SyncPointId> Table::pending_rollback() const {
    return rolling_back_ != 0 ? std::optional(rolls_back_to_) : std::nullopt;
}

}  // namespace pmemckpt::sync
