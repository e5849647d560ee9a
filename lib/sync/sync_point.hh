#pragma once
// A sync point: one coordinated checkpoint of a coordinator and of all participants of a job. What is written
// of it, in messages and in checkpoint files, is in network byte order.
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/sync/digest.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::sync {

using wire::Uuid;

/// Participants of a job, at most.
inline constexpr std::size_t kMostParticipants = 64;

/// Which one it is. Numbers of a job rise; the tag is drawn at random, so that two that were begun with the
/// same number, by coordinators that did not know of each other, are never taken for one.
struct SyncPointId {
    std::uint64_t number = 0;
    Uuid tag{};
    auto operator<=>(const SyncPointId&) const = default;
    static void fields(auto& s, auto& c) { c(s.number), c(s.tag); }
};

/// What every participant keeps of it beside the two states.
struct SyncPoint {
    SyncPointId id;
    std::vector<Uuid> participants;  ///< all of them, in ascending order
    std::uint64_t coordinator_bytes = 0;
    Digest coordinator_digest{};  ///< of the coordinator's state
    std::uint64_t participant_bytes = 0;
    static void fields(auto& s, auto& c) {
        c(s.id), c(s.participants), c(s.coordinator_bytes), c(s.coordinator_digest), c(s.participant_bytes);
    }
};

using pmemckpt::to_string;
/// "17 (3f2a…)": for people.
std::string to_string(const SyncPointId& id);
/// "NUMBER-TAG", the tag in 32 hexadecimal digits: for names of files.
std::string to_name(const SyncPointId& id);
/// None when it is no such name.
std::optional<SyncPointId> parse_name(std::string_view name);

}  // namespace pmemckpt::sync
