#include "lib/rdma/reactor.hh"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace pmemckpt::rdma {

namespace {

constexpr std::size_t kEventsPerRound = 64;
constexpr std::uint64_t kWakeUp = 0;  // in an event, in place of a source's id

}  // namespace

Result<std::shared_ptr<Reactor>> Reactor::start() {
    auto reactor = std::shared_ptr<Reactor>(new Reactor);
    reactor->epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    reactor->event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!reactor->epoll_ || !reactor->event_)
        return fail_errno(errno, "can't make an event loop");
    epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeUp}};
    if (::epoll_ctl(reactor->epoll_.get(), EPOLL_CTL_ADD, reactor->event_.get(), &event) != 0)
        return fail_errno(errno, "can't make an event loop");
    try {
        // Under the lock, so that the thread's id is there before the thread asks for it.
        const std::lock_guard<std::mutex> lock(reactor->mutex_);
        reactor->thread_ = std::thread([loop = reactor.get()] { loop->run(); });
        reactor->thread_id_ = reactor->thread_.get_id();
    } catch (const std::system_error& error) {
        return fail(EAGAIN, "can't start a thread: {}", error.what());
    }
    return reactor;
}

Reactor::~Reactor() {
    stop();
}

bool Reactor::wake(const std::shared_ptr<Source>& source) {
    if (source->woken_.exchange(true))
        return true;
    bool alone = false;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (ended_) {
            source->woken_ = false;
            return false;
        }
        alone = woken_.empty();
        woken_.push_back(source);
    }
    // The thread itself looks before it sleeps; and whoever found the list empty has rung for the others.
    const std::uint64_t one = 1;
    if (alone && !is_here()) [[maybe_unused]]
        const auto written = ::write(event_.get(), &one, sizeof one);
    return true;
}

void Reactor::stop() {
    if (!thread_.joinable())
        return;
    require(!is_here(), "an engine is not destroyed by one of its own handlers");
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
    thread_.join();
}

Status Reactor::add(const std::shared_ptr<Source>& source, int descriptor, std::uint32_t interest) {
    if (told_stop_)
        return fail(ECANCELED, "the engine is being closed");
    epoll_event event{.events = interest, .data = {.u64 = last_id_ + 1}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0)
        return fail_errno(errno, "can't wait for a connection's events");
    source->id_ = ++last_id_;
    source->descriptor_ = descriptor;
    source->interest_ = interest;
    sources_.emplace(source->id_, source);
    return {};
}

void Reactor::set_interest(Source& source, std::uint32_t interest) {
    if (source.id_ == 0 || source.interest_ == interest)
        return;
    epoll_event event{.events = interest, .data = {.u64 = source.id_}};
    // It can't fail for a descriptor that was added.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, source.descriptor_, &event);
    source.interest_ = interest;
}

void Reactor::set_deadline(Source& source, std::optional<Clock::time_point> deadline) {
    if (source.deadline_)
        deadlines_.erase({*source.deadline_, source.id_});
    source.deadline_ = source.id_ == 0 ? std::nullopt : deadline;
    if (source.deadline_)
        deadlines_.emplace(*source.deadline_, source.id_);
}

void Reactor::remove(Source& source) {
    if (source.id_ == 0)
        return;
    set_deadline(source, std::nullopt);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, source.descriptor_, nullptr);
    // Whoever is being called holds a reference of its own.
    sources_.erase(source.id_);
    source.id_ = 0;
    source.descriptor_ = -1;
}

void Reactor::run() {
    { const std::lock_guard<std::mutex> started(mutex_); }
    while (true) {
        call_woken();
        call_due();
        tell_stop();
        if (ended())
            return;
        dispatch(timeout_ms());
    }
}

void Reactor::dispatch(int timeout_ms) {
    std::array<epoll_event, kEventsPerRound> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == kWakeUp) {
            std::uint64_t rings;
            [[maybe_unused]] const auto got = ::read(event_.get(), &rings, sizeof rings);
            continue;
        }
        const auto found = sources_.find(event.data.u64);
        if (found == sources_.end())
            continue;  // removed by one before it in this round
        const auto source = found->second;
        source->on_events(event.events);
    }
}

void Reactor::call_woken() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        calling_.swap(woken_);
    }
    for (const auto& source : calling_) {
        source->woken_ = false;
        source->on_wake();
    }
    calling_.clear();
}

void Reactor::call_due() {
    const auto now = Clock::now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const auto source = sources_.at(deadlines_.begin()->second);
        set_deadline(*source, std::nullopt);
        source->on_deadline();
    }
}

void Reactor::tell_stop() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!stopping_ || told_stop_)
            return;
    }
    told_stop_ = true;
    std::vector<std::shared_ptr<Source>> all;
    for (const auto& [id, source] : sources_)
        all.push_back(source);
    for (const auto& source : all)
        source->on_stop();
}

bool Reactor::ended() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = told_stop_ && sources_.empty() && woken_.empty();
    return ended_;
}

int Reactor::timeout_ms() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!woken_.empty())
            return 0;
    }
    if (deadlines_.empty())
        return -1;
    const auto left = deadlines_.begin()->first - Clock::now();
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<std::int64_t>(ms, 0, 60'000));
}

Result<std::shared_ptr<Reactors>> Reactors::start(unsigned count) {
    std::vector<std::shared_ptr<Reactor>> reactors;
    for (unsigned i = 0; i < count; ++i)
        reactors.push_back(TRY(Reactor::start()));
    return std::make_shared<Reactors>(std::move(reactors));
}

}  // namespace pmemckpt::rdma
