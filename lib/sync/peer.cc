#include "lib/sync/peer.hh"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

namespace pmemckpt::sync {

namespace {

constexpr unsigned kFarewell_ms = 1'000;

}  // namespace

Result<std::unique_ptr<Peer>> Peer::connect(const Wanted& wanted) {
    auto caller = TRY(Caller::connect(wanted));
    return std::unique_ptr<Peer>(new Peer(std::move(caller)));
}

/// What it holds is decided by: so it must be what a table can be.
Status Peer::check(const Opened& opened) const {
    const auto is_one = [&, before = std::uint64_t{0}](const Table::Held& held) mutable {
        const auto& all = held.point.participants;
        const auto number = held.point.id.number;
        return std::exchange(before, number) < number && number <= opened.highest &&
               all.size() <= kMostParticipants && std::ranges::is_sorted(all, std::less_equal()) &&
               std::ranges::find(all, participant()) != all.end();
    };
    if (opened.held.size() <= kMostHeld && opened.highest <= kLastNumber &&
        std::all_of(opened.held.begin(), opened.held.end(), is_one))
        return {};
    return fail(EPROTO, "{} sent a table of {} sync points that can't be one", address(), opened.held.size());
}

Result<Opened> Peer::open(const std::string& job, const Uuid& instance, Opening why) {
    auto opened = TRY(caller_.ask<Opened>(Open{job, instance, why}));
    TRY(caller_.note([&] { return check(opened); }));
    return opened;
}

Status Peer::prepare(const SyncPoint& point, std::span<const std::byte> coordinator_state) {
    TRY(caller_.ask<Prepared>(Prepare{point}, coordinator_state));
    return {};
}

Status Peer::complete(const SyncPointId& id) {
    TRY(caller_.ask<wire::Empty>(Complete{id}));
    return {};
}

Status Peer::abort(const SyncPointId& id) {
    TRY(caller_.ask<wire::Empty>(Abort{id}));
    return {};
}

Status Peer::verify(const SyncPointId& id) {
    TRY(caller_.ask<wire::Empty>(Verify{id}));
    return {};
}

Status Peer::receive_state(const SyncPoint& point, const Sink& sink) {
    std::vector<std::byte> piece(kPiece);
    Digester digester;
    for (std::uint64_t left = point.coordinator_bytes; left != 0;) {
        const auto got =
            std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())));
        TRY(caller_.stream().receive(got));
        digester.add(got);
        TRY(sink(got));
        left -= got.size();
    }
    if (digester.end() != point.coordinator_digest)
        return fail(EBADMSG, "the coordinator's state of sync point {} that came from {} does not verify",
                    to_string(point.id), address());
    return {};
}

Status Peer::rollback(const SyncPoint& point, const Sink& sink) {
    const auto answer = TRY(caller_.ask<RolledBack>(Rollback{point.id}));
    const auto& given = answer.point;
    if (given.id != point.id || given.coordinator_bytes != point.coordinator_bytes ||
        given.coordinator_digest != point.coordinator_digest)
        return caller_.note([&]() -> Status {
            return fail(EPROTO, "{} has another state of the coordinator than the others for sync point {}",
                        address(), to_string(point.id));
        });
    return caller_.note([&] { return receive_state(point, sink); });
}

Result<Listed> Peer::list() {
    return caller_.ask<Listed>(List{});
}

void Peer::say_goodbye() {
    caller_.stream().set_deadline(Stream::Clock::now() + Stream::Milliseconds(kFarewell_ms));
    static_cast<void>(caller_.ask<wire::Empty>(Goodbye{}));
}

}  // namespace pmemckpt::sync
