#include "lib/sync/decision.hh"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <optional>

namespace pmemckpt::sync {

namespace {

enum class Wholeness { whole, broken, unknown };

bool holds(const Standing& one, const SyncPointId& id) {
    return std::ranges::any_of(one.held, [&](const Table::Held& held) { return held.point.id == id; });
}

/// It is broken as soon as one that must hold it does not, whoever else is missing.
Wholeness wholeness(std::span<const Standing> all, const SyncPoint& point) {
    auto found = Wholeness::whole;
    for (const auto& participant : point.participants) {
        const auto one = std::ranges::find(all, participant, &Standing::participant);
        if (one == all.end())
            found = Wholeness::unknown;
        else if (!holds(*one, point.id))
            return Wholeness::broken;
    }
    return found;
}

/// All that anybody holds, the newest first.
std::vector<SyncPoint> candidates(std::span<const Standing> all) {
    std::map<SyncPointId, SyncPoint, std::greater<>> points;
    for (const auto& one : all)
        for (const auto& held : one.held)
            points.emplace(held.point.id, held.point);
    std::vector<SyncPoint> sorted;
    for (const auto& [id, point] : points)
        sorted.push_back(point);
    return sorted;
}

tl::unexpected<Error> not_all_are_here(const SyncPoint& point, std::size_t asked) {
    return fail(
        EHOSTUNREACH,
        "sync point {} is of {} participants, and not all of them are among the {} that were asked: it may "
        "be complete; ask all of them",
        to_string(point.id), point.participants.size(), asked);
}

/// Of those that are `wanted`.
template <class Wanted>
Result<std::optional<SyncPoint>> first_whole(std::span<const Standing> all, Wanted&& wanted) {
    for (auto& point : candidates(all)) {
        const auto state = wanted(point) ? wholeness(all, point) : Wholeness::broken;
        if (state == Wholeness::unknown)
            return not_all_are_here(point, all.size());
        if (state == Wholeness::whole)
            return std::move(point);
    }
    return std::nullopt;
}

}  // namespace

Result<SyncPoint> newest_whole(std::span<const Standing> all) {
    auto found = TRY(first_whole(all, [](const SyncPoint&) { return true; }));
    if (!found)
        return fail(ENOENT, "no sync point is complete on all {} participants", all.size());
    return std::move(*found);
}

Result<SyncPoint> whole(std::span<const Standing> all, std::uint64_t number) {
    auto found = TRY(first_whole(all, [&](const SyncPoint& point) { return point.id.number == number; }));
    if (!found)
        return fail(ENOENT, "sync point {} is not complete on all {} participants", number, all.size());
    return std::move(*found);
}

std::uint64_t next_number(std::span<const Standing> all) {
    std::uint64_t highest = 0;
    for (const auto& one : all)
        highest = std::max(highest, one.highest);
    return highest + 1;
}

}  // namespace pmemckpt::sync
