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
constexpr unsigned kRoundsPerClock = 16;  // with something to take, the time is looked at once in so many
constexpr std::int64_t kLongestSleep_ms = 60'000;

}  // namespace

bool VerbsConnection::attend() {
    if (!helm_.take())
        return false;
    const bool can = state_ == State::open && !why_ && left_over_.empty() && !fault_;
    if (!can) {
        if (helm_.give_back())
            reactor_->wake(shared_from_this());
        return false;
    }
    if (watched_ && helm_.depth_here() == 1) {
        set_watched(false);
        if (linger_)
            linger_->start();
    }
    return true;
}

/// After serve() has ended its attendance there is nothing to leave.
void VerbsConnection::leave() {
    switch (helm_.leave(linger_ != nullptr)) {
        case Helm::Left::as_it_was:
        case Helm::Left::free: break;
        case Helm::Left::free_and_unlooked: linger_->start(); break;
        case Helm::Left::still_had: leave_helm(); break;
    }
}

/// To the reactor's thread, as it expects it.
void VerbsConnection::leave_helm() {
    const bool all_well = arm_and_take();
    set_watched(true);
    if (helm_.give_up() || !all_well)
        reactor_->wake(shared_from_this());
}

void VerbsConnection::set_watched(bool watched) {
    epoll_event event{.events = watched ? EPOLLIN : 0U, .data = {.fd = pair_->descriptor()}};
    // It can't fail for one that was added.
    ::epoll_ctl(events_.get(), EPOLL_CTL_MOD, pair_->descriptor(), &event);
    watched_ = watched;
}

/// By the reactor's thread, at the helm: it looks itself for what came, and is woken again.
void VerbsConnection::take_back() {
    set_watched(true);
    reactor_->wake(shared_from_this());
}

/// By the reactor's thread, some time after somebody began to attend; whether to look again.
bool VerbsConnection::look_whether_left() {
    if (!helm_.take_if_free())
        return false;  // who is there starts the timer when it leaves
    const bool may_come_again = !watched_ && std::exchange(looked_, false);
    // A thread that came just now, and was refused, waits in another way.
    if (may_come_again && helm_.leave(true) != Helm::Left::still_had)
        return true;
    if (!watched_)
        take_back();
    helm_.give_back();
    return false;
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
    std::optional<Clock::time_point> polled_till;
    for (unsigned round = 1; !done(); ++round) {
        const auto taken = take_here();
        if (!taken || helm_.is_asked_for())
            return false;
        if (*taken != 0 && round % kRoundsPerClock != 0)
            continue;
        const auto now = Clock::now();
        if (now >= until)
            return false;
        if (*taken != 0)
            continue;
        if (!polled_till)
            polled_till = now + std::chrono::microseconds(options_.poll_us);
        if (now < *polled_till)
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
    pair_->forget_event();  // of what was taken without sleeping: it would wake the reactor's thread for
                            // nothing
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
    looked_ = true;
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
    if (queue_->has_failed())  // the device took no more work: the connection is to be ended
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
