#pragma once
// Who has joined a session with the files, and whether he may go on: a session is of the connection that has
// joined it last, and a rollback ends what all have begun.
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "lib/base/result.hh"

namespace pmemckpt::filed {

/// Connections that have joined a session, at most: below those of a participant, so that coordinators find
/// a place.
inline constexpr std::size_t kMostMembers = 56;

/// Who has joined a session: from then on it is his, until the files are rolled back, or another one joins
/// it.
struct Member {
    std::uint64_t session = 0;
    std::uint64_t rollbacks = 0;  // that there were before
    std::uint64_t number = 0;     // no other one's
};

/// Threads: all calls may come from any thread.
class Members {
public:
    /// EMFILE beyond kMostMembers. Who was one joins again in his own place.
    Result<Member> join(std::uint64_t session, const std::optional<Member>& before);
    void leave(const Member& member);
    /// EUCLEAN; EBUSY when another one has joined the session; ESTALE when the files were rolled back since.
    Status check(const Member& member) const;
    /// EUCLEAN when the last rollback has not ended.
    Status check_is_restored() const;
    /// From then on a rollback is under way, till it has ended well.
    void begin_rollback();
    void end_rollback(const Status& restored);

private:
    Status check_restored() const;

    mutable std::mutex mutex_;
    std::map<std::uint64_t, std::uint64_t> numbers_;  // of who has it, by session
    std::size_t count_ = 0;
    std::uint64_t last_number_ = 0, rollbacks_ = 0;
    std::optional<Error> half_restored_;  // why the last rollback has not ended
};

}  // namespace pmemckpt::filed
