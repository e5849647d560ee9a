#include "lib/rdma/verbs/linger.hh"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace pmemckpt::rdma::verbs {

std::shared_ptr<Linger> Linger::make(Reactor& reactor, std::function<bool()> look) {
    auto linger = std::shared_ptr<Linger>(new Linger(std::move(look)));
    linger->timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!linger->timer_ || !reactor.add(linger, linger->timer_.get(), EPOLLIN))
        return nullptr;
    return linger;
}

void Linger::start() {
    const itimerspec once{.it_interval = {}, .it_value = {0, std::chrono::nanoseconds(kTime).count()}};
    ::timerfd_settime(timer_.get(), 0, &once, nullptr);
}

void Linger::end(Reactor& reactor) {
    reactor.remove(*this);
    look_ = nullptr;
}

void Linger::on_events(std::uint32_t) {
    std::uint64_t times;
    [[maybe_unused]] const auto got = ::read(timer_.get(), &times, sizeof times);
    if (look_())
        start();
}

}  // namespace pmemckpt::rdma::verbs
