#include "utils/pmemckpt-filed/members.hh"

#include <cerrno>

namespace pmemckpt::filed {

Result<Member> Members::join(std::uint64_t session, const std::optional<Member>& before) {
    const std::lock_guard lock(mutex_);
    if (!before && count_ == kMostMembers)
        return fail(EMFILE, "{} connections have joined sessions, the limit: end some", count_);
    numbers_[session] = ++last_number_;
    count_ += before ? 0 : 1;
    return Member{session, rollbacks_, last_number_};
}

void Members::leave(const Member& member) {
    const std::lock_guard lock(mutex_);
    --count_;
    if (const auto found = numbers_.find(member.session);
        found != numbers_.end() && found->second == member.number)
        numbers_.erase(found);
}

Status Members::check(const Member& member) const {
    const std::lock_guard lock(mutex_);
    TRY(check_restored());
    const auto found = numbers_.find(member.session);
    if (found == numbers_.end() || found->second != member.number)
        return fail(EBUSY, "session {} was joined by another connection since", member.session);
    if (member.rollbacks != rollbacks_)
        return fail(ESTALE, "the files were rolled back since the session was joined: join it again");
    return {};
}

Status Members::check_is_restored() const {
    const std::lock_guard lock(mutex_);
    return check_restored();
}

/// Under the lock.
Status Members::check_restored() const {
    if (half_restored_)
        return fail(EUCLEAN, "a rollback has not ended, roll back again: {}", half_restored_->message);
    return {};
}

void Members::begin_rollback() {
    const std::lock_guard lock(mutex_);
    ++rollbacks_;
    half_restored_ = Error{EUCLEAN, "it was cut off"};  // by what is thrown
}

void Members::end_rollback(const Status& restored) {
    const std::lock_guard lock(mutex_);
    half_restored_ = restored ? std::nullopt : std::optional(restored.error());
}

}  // namespace pmemckpt::filed
