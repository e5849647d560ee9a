// A user's thread that waits for its completions, or for an answer, takes them itself: no other thread need
// be woken first.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "lib/rdma/verbs/connection.hh"

namespace pmemckpt::rdma::verbs {

namespace {

constexpr std::size_t kCompletionsPerRound = 16;
constexpr std::int64_t kLongestSleep_ms = 60'000;

/// Whether the reactor's thread is woken by completions.
void set_watched(int events, int descriptor, bool watched) {
    epoll_event event{.events = watched ? EPOLLIN : 0U, .data = {.fd = descriptor}};
    ::epoll_ctl(events, EPOLL_CTL_MOD, descriptor, &event);  // it can't fail for one that was added
}

}  // namespace

bool VerbsConnection::attend() {
    if (!helm_.take())
        return false;
    const bool can = state_ == State::open && !why_ && left_over_.empty() && !fault_;
    if (can && helm_.depth_here() == 1)
        set_watched(events_.get(), pair_->descriptor(), false);
    if (!can && helm_.give_back())
        reactor_->wake(shared_from_this());
    return can;
}

/// After serve() has ended its attendance there is nothing to leave.
void VerbsConnection::leave() {
    const auto depth = helm_.depth_here();
    if (depth == 1)
        leave_helm();
    else if (depth > 1)
        helm_.give_back();
}

/// To the reactor's thread, as it expects it.
void VerbsConnection::leave_helm() {
    const bool all_well = arm_and_take();
    set_watched(events_.get(), pair_->descriptor(), true);
    if (helm_.give_up() || !all_well)
        reactor_->wake(shared_from_this());
}

bool VerbsConnection::serve(const std::function<bool()>& done, Clock::time_point until) {
    if (!attend())
        return done();
    const bool is_done = take_till(done, until);
    is_done ? leave() : leave_helm();
    return is_done || done();
}

/// Whether done() holds.
bool VerbsConnection::take_till(const std::function<bool()>& done, Clock::time_point until) {
    const auto polled_till = Clock::now() + std::chrono::microseconds(options_.poll_us);
    while (!done()) {
        const auto taken = take_here();
        const auto now = Clock::now();
        if (!taken || now >= until || helm_.is_asked_for())
            return false;
        if (*taken != 0 || now < polled_till)
            continue;
        if (pair_->is_armed())
            sleep_till(until);  // what came before it was armed is taken
        else if (!arm_here())
            return false;
    }
    return true;
}

/// false when the reactor's thread is to go on at once.
bool VerbsConnection::arm_and_take() {
    auto taken = left_over_.empty() && !fault_ && arm_here() ? take_here() : std::nullopt;
    while (taken && *taken != 0)
        taken = take_here();
    return taken.has_value();
}

bool VerbsConnection::arm_here() {
    auto armed = pair_->arm();
    if (!armed)
        fault_ = std::move(armed).error();
    return armed.has_value();
}

/// How many completions were taken; none when the connection is to be ended.
std::optional<std::size_t> VerbsConnection::take_here() {
    std::array<ibv_wc, kCompletionsPerRound> completions;
    const auto count = pair_->poll(completions);
    if (!count) {
        fault_ = count.error();
        return std::nullopt;
    }
    for (std::size_t i = 0; i < *count; ++i) {
        heard_ = true;
        silent_ = 0;
        if (take_well(completions[i]))
            continue;
        const auto first = completions.begin() + static_cast<std::ptrdiff_t>(fault_ ? i + 1 : i);
        left_over_.assign(first, completions.begin() + static_cast<std::ptrdiff_t>(*count));
        return std::nullopt;
    }
    if (queue_->failure())  // the device took no more work: the connection is to be ended
        return std::nullopt;
    return *count;
}

void VerbsConnection::sleep_till(Clock::time_point until) {
    std::array<pollfd, 2> watched{pollfd{pair_->descriptor(), POLLIN, 0}, pollfd{kick_.get(), POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ::poll(watched.data(), watched.size(),
           static_cast<int>(std::clamp<std::int64_t>(left, 0, kLongestSleep_ms)));
    if (watched[0].revents != 0)
        pair_->forget_event();
    std::uint64_t kicks;
    if (watched[1].revents != 0) [[maybe_unused]]
        const auto got = ::read(kick_.get(), &kicks, sizeof kicks);
}

void VerbsConnection::kick() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(kick_.get(), &one, sizeof one);
}

}  // namespace pmemckpt::rdma::verbs
