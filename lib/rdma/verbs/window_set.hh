#pragma once
// Windows of one connection on its device: for each, its pages side by side and a memory region of exactly
// that range, and, where the device has them, a memory window of type 2B that is bound to the connection's
// queue pair. No region is wider than its window: not every device checks the bounds of a window within its
// region.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "lib/rdma/verbs/send_queue.hh"
#include "lib/rdma/verbs/side_by_side.hh"

namespace pmemckpt::rdma::verbs {

/// Threads: all calls may come from any thread.
class WindowSet {
public:
    WindowSet(std::shared_ptr<Domain> domain, QueuePair& pair, SendQueue& queue)
        : domain_(std::move(domain)), pair_(pair), queue_(queue) {}
    ~WindowSet();

    /// ENOSPC beyond kMaximumWindows; ENOTCONN once closed; what SideBySide::map and the device say.
    Result<Grant> grant(const Translation& translation, Access access);
    /// On return the window is dead: the device knows neither key any more, and no access is under way.
    /// Unknown keys are ignored.
    void revoke(Key key);
    /// Kills all, and lets no new ones come. After the queue pair's end.
    void close();

private:
    struct Window {
        SideBySide pages;
        Mr region;
        Mw window;             // none where the device has no such
        bool flushes = false;  // what is flushed through it is durable
        bool dying = false;
    };
    Result<std::unique_ptr<Window>> register_pages(const Translation& translation, Access access);
    std::uint64_t wire_address(std::span<const std::byte> bytes) const;
    Result<Grant> bind(Window& window, Access access);
    Result<Grant> enter(std::unique_ptr<Window> window, Grant grant);
    void kill(Window& window);

    const std::shared_ptr<Domain> domain_;
    QueuePair& pair_;
    SendQueue& queue_;
    std::mutex mutex_;  // not held while the device is asked
    std::condition_variable died_;
    Scrap scrap_;  // guarded by registering_
    std::mutex registering_;
    std::unordered_map<Key, std::unique_ptr<Window>> windows_;
    std::size_t being_made_ = 0;
    bool closed_ = false;
};

}  // namespace pmemckpt::rdma::verbs
