#pragma once
// What the requests of a client have in common: names that fit, answers that are checked, listings in parts.
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "lib/client/answers.hh"
#include "lib/client/session.hh"

namespace pmemckpt::client {

/// What is wrong with a name is the manager's to say; here it must fit into a message.
inline Status check_region(const std::string& name) {
    if (name.size() > kMaximumName)
        return fail(ENAMETOOLONG, "a region's name of {} bytes is too long: at most {}", name.size(),
                    kMaximumName);
    return {};
}
inline Status check_cursor(const std::string& name) {
    if (name.size() > kMaximumName)
        return fail(ENAMETOOLONG, "a cursor's name of {} bytes is too long: at most {}", name.size(),
                    kMaximumName);
    return {};
}

/// An answer that was checked, or the end of the connection.
template <class Answer>
Result<Answer> checked(Session& session, Result<Answer> answer) {
    if (!answer)
        return answer;
    const auto good = check_answer(*answer);
    if (!good)
        return tl::unexpected(session.distrust(good.error()));
    return answer;
}

/// Listings come in parts: each must go on after the last one's end, or they would never end.
template <class Element, class Key>
Status append_part(Session& session, std::vector<Element>& all, std::vector<Element> part, Key&& key) {
    for (auto& element : part) {
        auto good = check_answer(element);
        if (good && !all.empty() && !(key(all.back()) < key(element)))
            good = fail(EPROTO, "the manager sent a listing that is not in order");
        if (!good)
            return tl::unexpected(session.distrust(good.error()));
        all.push_back(std::move(element));
    }
    if (all.size() > kMaximumListed)
        return fail(EOVERFLOW, "there are more than {} entries; that is the limit of a listing",
                    kMaximumListed);
    return {};
}

/// Asks by slices until something other than "nothing yet" is answered: make_request(slice) and the whole
/// time, where UINT32_MAX is without end. Answers ETIMEDOUT when the time is over.
template <class Answer, class Request>
Result<Answer> long_poll(Session& session, Request request, std::uint32_t timeout_ms) {
    using Clock = std::chrono::steady_clock;
    const bool endless = timeout_ms == UINT32_MAX;
    const auto end = Clock::now() + Milliseconds(timeout_ms);
    for (;;) {
        const auto left = std::max(std::chrono::ceil<Milliseconds>(end - Clock::now()), Milliseconds(0));
        const auto slice = endless ? kWaitSlice : std::min(left, kWaitSlice);
        request.timeout_ms = static_cast<std::uint32_t>(slice.count());
        auto answer = session.call<Answer>(request, slice + session.look_limit());
        if (answer || answer.error().code != ETIMEDOUT)
            return answer;
        TRY(session.exchange().state());  // it may not have been the manager who said so
        if (!endless && slice == left)
            return answer;
    }
}

}  // namespace pmemckpt::client
