#pragma once
// Windows of one connection: what its peer may reach, and nothing else.
#include <sys/uio.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "lib/rdma/engine.hh"
#include "lib/rdma/iwarp/dirty_extents.hh"
#include "lib/rdma/iwarp/stag_sequence.hh"

namespace pmemckpt::rdma::iwarp {

/// Why an access misses a window. In the order in which they are looked for.
enum class Miss : std::uint8_t { none, stag, access, wrap, bounds };

class Window {
public:
    Window(Key key, Translation translation, Access access);

    Key key() const { return key_; }
    Miss check(Extent range, Access needed) const;

    /// Held while bytes move, for one call that does not block: so kill() waits for no more than that.
    std::mutex& mutex() { return mutex_; }
    /// To be asked with the mutex held, before each such call.
    bool alive() const { return alive_.load(std::memory_order_acquire); }
    /// On return nothing moves, and nothing ever will.
    void kill();

    /// Appends where the first bytes of `range` lie, as at most `limit` pieces; returns how many bytes they
    /// are. The range is within the window.
    std::size_t pieces(Extent range, std::vector<iovec>& into, std::size_t limit) const;

    bool needs_persist() const { return static_cast<bool>(translation_.persist); }
    /// Bytes the peer has written and nobody has persisted. Only the connection's own thread asks.
    DirtyExtents& dirty() { return dirty_; }
    /// Makes them durable, unless the window is dead: then its pages are nobody's business here. May wait.
    Status persist(const std::vector<Extent>& extents);

private:
    struct Place {
        std::uint64_t page, within;  // which one, and the byte in it
    };
    Place place(std::uint64_t at) const;
    /// Of a range within [0, size): whether a byte of it is on no page.
    bool touches_hole(Extent range) const;
    /// The longest run of bytes at the start of the range that lie side by side in the mapping; none of it is
    /// in a hole.
    Extent run(Extent range) const;

    const Key key_;
    const Access access_;
    const Translation translation_;
    const bool has_holes_;
    DirtyExtents dirty_;
    std::mutex mutex_;
    std::atomic<bool> alive_{true};
};

/// Threads: all calls may come from any thread.
class WindowTable {
public:
    /// EINVAL when the translation is not within its mapping; ENOSPC beyond kMaximumWindows; ENOTCONN once
    /// closed.
    Result<Grant> grant(Translation translation, Access access);
    std::shared_ptr<Window> find(Key key) const;
    /// Kills the window; false when there is none (any more).
    bool revoke(Key key);
    /// The same, and no new ones.
    void close();
    /// Whether it is the key of a window, living or dead, of this connection.
    bool was_granted(Key key) const;

private:
    mutable std::mutex mutex_;  // never held together with a window's
    std::unordered_map<Key, std::shared_ptr<Window>> windows_;
    StagSequence stags_;
    bool closed_ = false;
};

}  // namespace pmemckpt::rdma::iwarp
