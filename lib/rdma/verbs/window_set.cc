#include "lib/rdma/verbs/window_set.hh"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "lib/base/log.hh"

namespace pmemckpt::rdma::verbs {

namespace {

constexpr unsigned kTries = 50;  // of a device that says that a region is in use
constexpr auto kBetweenTries = std::chrono::milliseconds(20);
/// A binding that is under way fails when its window goes, and ends the connection. It stands behind what the
/// peer has not taken yet: nobody waits longer for him.
constexpr auto kBindTime = std::chrono::milliseconds(500);

int remote_rights(Access access) {
    const auto bits = static_cast<unsigned>(access);
    return ((bits & static_cast<unsigned>(Access::read)) != 0 ? IBV_ACCESS_REMOTE_READ : 0) |
           ((bits & static_cast<unsigned>(Access::write)) != 0 ? IBV_ACCESS_REMOTE_WRITE : 0);
}

}  // namespace

WindowSet::~WindowSet() {
    close();
}

Result<Grant> WindowSet::grant(const Translation& translation, Access access) {
    if (translation.size == 0)
        return Grant{};  // nobody's window: nothing can be reached, and of nothing no device asks for a key
    {
        const std::lock_guard lock(mutex_);
        if (closed_)
            return fail(ENOTCONN, "the connection is closed");
        if (windows_.size() + being_made_ >= kMaximumWindows)
            return fail(ENOSPC, "this connection has {} windows; that is the limit", kMaximumWindows);
        ++being_made_;
    }
    auto window = register_pages(translation, access);
    auto grant = window ? bind(**window, access) : Result<Grant>(tl::unexpected(window.error()));
    if (grant)
        grant = enter(std::move(*window), *grant);
    window = nullptr;
    const std::lock_guard lock(mutex_);
    --being_made_;
    died_.notify_all();
    return grant;
}

Result<std::unique_ptr<WindowSet::Window>> WindowSet::register_pages(const Translation& translation,
                                                                     Access access) {
    const std::lock_guard lock(registering_);
    auto window =
        std::make_unique<Window>(Window{TRY(SideBySide::map(translation, scrap_)), nullptr, nullptr, false});
    const auto bytes = window->pages.bytes();
    const auto& traits = domain_->traits();
    const int rights = (traits.binds_windows ? int{IBV_ACCESS_MW_BIND} : remote_rights(access)) |
                       (access == Access::read ? 0 : IBV_ACCESS_LOCAL_WRITE);
    const auto make = [&](int all) {
        window->region.reset(
            ibv_reg_mr_iova(domain_->pd(), bytes.data(), bytes.size(), wire_address(bytes), all));
        return window->region != nullptr;
    };
    // A device refuses to flush to what is no persistent memory.
    window->flushes = translation.flushes && traits.flushes && make(rights | flush_rights());
    if (!window->flushes && !make(rights))
        return fail_errno(errno, "RDMA device {} can't register a window of {} bytes", traits.device,
                          bytes.size());
    return window;
}

/// 0 for what begins on a page of the system's, as all of a pool's does. Of iWARP devices not all have an
/// address of our choice; so there it is the memory's own.
std::uint64_t WindowSet::wire_address(std::span<const std::byte> bytes) const {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    return domain_->traits().iwarp ? address : address % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// A message that is posted later finds the window bound.
Result<Grant> WindowSet::bind(Window& window, Access access) {
    const auto base = wire_address(window.pages.bytes());
    if (!domain_->traits().binds_windows)
        return Grant{window.region->rkey, base, window.flushes};
    window.window.reset(ibv_alloc_mw(domain_->pd(), IBV_MW_TYPE_2));
    if (!window.window)
        return fail_errno(errno, "RDMA device {} gives no memory window", domain_->traits().device);
    Work work;
    work.kind = Work::Kind::bind;
    work.window = window.window.get();
    work.key = ibv_inc_rkey(
        window.window->rkey);  // which itself must stay: it is what names the window to the device
    work.binding = {window.region.get(), base, window.pages.bytes().size(),
                    static_cast<unsigned>(remote_rights(access) | (window.flushes ? flush_rights() : 0))};
    const Grant grant{work.key, base, window.flushes};
    TRY(queue_.post({&work, 1}));
    return grant;
}

Result<Grant> WindowSet::enter(std::unique_ptr<Window> window, Grant grant) {
    std::unique_lock lock(mutex_);
    // A device may give a key again while its window of before is being taken out of here.
    died_.wait(lock, [&] { return closed_ || !windows_.contains(grant.key); });
    if (closed_)
        return fail(ENOTCONN, "the connection is closed");
    const bool is_new = windows_.emplace(grant.key, std::move(window)).second;
    require(is_new, "a device gives each living window another key");
    return grant;
}

void WindowSet::revoke(Key key) {
    std::unique_lock lock(mutex_);
    const auto found = windows_.find(key);
    if (found == windows_.end())
        return;
    auto& window = *found->second;
    if (std::exchange(window.dying, true)) {
        died_.wait(lock, [&] { return !windows_.contains(key); });
        return;
    }
    lock.unlock();
    kill(window);
    lock.lock();
    windows_.erase(key);
    died_.notify_all();
}

/// A device may still be at an access when it is told to forget a region, and say that it is in use. What
/// can't be taken from the peer otherwise is taken by the end of the connection.
void WindowSet::kill(Window& window) {
    queue_.forget_bind(window.window.get());
    queue_.wait_bound(window.window.get(), kBindTime);
    if (window.window && ibv_dealloc_mw(window.window.get()) == 0)
        static_cast<void>(window.window.release());
    for (unsigned i = 0; window.region && i < kTries; ++i) {
        if (ibv_dereg_mr(window.region.get()) == 0)
            static_cast<void>(window.region.release());
        else if (i == 0)
            pair_.fail_all();
        else
            std::this_thread::sleep_for(kBetweenTries);
    }
    if (window.window || window.region)
        log::error("RDMA device {} does not give a window's memory back", domain_->traits().device);
    pair_.wait_for_receiver();
}

void WindowSet::close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    died_.wait(lock, [&] { return being_made_ == 0; });
    while (!windows_.empty()) {
        const auto key = windows_.begin()->first;
        lock.unlock();
        revoke(key);
        lock.lock();
    }
}

}  // namespace pmemckpt::rdma::verbs
