#pragma once
// One interface for RDMA engines. iwarp/ implements it over TCP; verbs/ on devices. Semantics are those of
// RFC 5040: one-sided Write and Read checked against the responder's windows, Send into posted buffers,
// Terminate on a violation.
//
// Who calls whom: posts come from any thread and never block. Handlers are called by the engine's threads
// (and by who serves a connection), for one connection by one thread at a time, in the order of the wire;
// they must not block (hand long work to a thread of your own). on_close is the last call of a connection and
// comes exactly once.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/result.hh"
#include "lib/base/units.hh"

namespace pmemckpt::rdma {

using Key = std::uint32_t;  ///< STag in iWARP, rkey in verbs

enum class Access : std::uint8_t { read = 1, write = 2, both = 3 };  ///< what the peer may do

inline constexpr std::size_t kMaximumMessage =
    16 * kKiB;                                       ///< bytes of one Send; longer ones end the connection
inline constexpr std::size_t kMaximumQueued = 1024;  ///< posts not yet completed, of one connection
inline constexpr std::size_t kMaximumQueuedBytes = 4 * kMiB;  ///< of messages among them, which are copied
inline constexpr unsigned kMaximumWindows = 256;              ///< windows of one connection

/// In Translation::pages: not part of the window. A byte there is refused like one out of bounds; where a
/// device checks, it goes to, and comes from, memory of that connection alone that is no part of any medium.
inline constexpr std::uint64_t kNoPage = UINT64_MAX;

/// The virtual range [0, size): equal pages lying anywhere in a mapping, side by side. Pages must outlive the
/// window.
struct Translation {
    std::span<std::byte> medium;       ///< the whole mapping
    std::uint64_t page_size = 0;       ///< bytes
    std::vector<std::uint64_t> pages;  ///< offset of each page in the mapping, in bytes
    std::uint64_t skipped = 0;         ///< bytes of the first page that lie before the range; below page_size
    std::uint64_t size = 0;            ///< bytes of the range, which ends within the last page
    /// The peer should be able to make durable, by RDMA FLUSH, what he writes; see Grant::flushes.
    bool flushes = false;
    /// Makes bytes of the mapping durable; may do I/O, is called on a thread of the engine's that may wait.
    /// Empty when there is nothing to be done.
    std::function<Status(Extent)> persist;
};

/// What the peer needs to reach a window: its first byte is `base`, on the wire.
struct Grant {
    Key key = 0;
    std::uint64_t base = 0;
    bool flushes =
        false;  ///< not of the wire: the responder's device makes durable what is flushed through it
};

/// Local memory the engine may send from or read into; registered once, used for many operations. Must
/// outlive every operation posted with it.
class Registration {
public:
    virtual ~Registration() = default;
    virtual std::span<std::byte> bytes() const = 0;
};

struct Peer {
    std::string address;                               ///< "127.0.0.1:40112"
    std::string engine;                                ///< "iwarp" or "verbs"
    std::uint64_t bytes_received = 0, bytes_sent = 0;  ///< payload of tagged operations
    std::uint64_t refused = 0;                         ///< operations of the peer that missed a window
};

/// A write into a window of the peer's, a read of it, or an RDMA FLUSH of what was written there.
struct OneSided {
    enum class Kind : std::uint8_t { write, read, flush };
    Kind kind = Kind::write;
    std::shared_ptr<Registration> local;  ///< none of a flush
    Extent range;       ///< of `local`; of a flush its size counts, which is that of what is flushed
    Grant remote;       ///< the window
    Offset offset;      ///< in it
    std::uint64_t tag;  ///< of its on_completion
};

class Connection {
public:
    virtual ~Connection() = default;

    /// Copies the message, at most kMaximumMessage bytes (EMSGSIZE). EAGAIN when as much waits as may;
    /// ENOTCONN once closed. No completion is reported; order on the wire is that of the posts.
    virtual Status send(std::span<const std::byte> message) = 0;
    /// The same, and the peer's window `key` is dead before the peer's on_message. Devices that can't do that
    /// end the connection.
    virtual Status send_with_invalidate(std::span<const std::byte> message, Key key) = 0;

    virtual Result<std::shared_ptr<Registration>> register_memory(std::span<std::byte> bytes) = 0;

    /// One after the other on the wire; all of them are taken, or none. EOPNOTSUPP of a flush when this end
    /// has none. What waits for the last of them waits
    /// for all: a device may tell of them together.
    virtual Status post(std::span<const OneSided> operations) = 0;
    /// RDMA Write of registration bytes [from, from+size) to `remote` + offset. on_completion(tag) once the
    /// bytes may be changed again; that says nothing of the remote side: a later Send or Read of this
    /// connection is behind them.
    Status write(std::shared_ptr<Registration> local, Extent from, const Grant& remote, Offset offset,
                 std::uint64_t tag);
    /// RDMA Read of `remote` + offset into registration bytes; on_completion(tag) when all have arrived. A
    /// responder whose reads_persist() persists what this connection wrote before it answers.
    Status read(std::shared_ptr<Registration> local, Extent into, const Grant& remote, Offset offset,
                std::uint64_t tag);

    /// For a thread that is to post something and to wait for its end: from now till as many leave() it
    /// handles itself what comes, in serve(), so that no other thread need be woken first. While it attends,
    /// it waits for what comes of this connection in no other way. false where another thread attends, and
    /// where it is of no use: then the engine's threads do all, as at any other time.
    /// When it has left, what comes may wait for some ms till the engine's threads look.
    virtual bool attend() { return false; }
    virtual void leave() {}
    /// Calls handlers on this thread, in their order. Returns whether done() holds: when it does, when it is
    /// `until`, when the engine's threads are needed, and at once when this thread can't attend. When it does
    /// not hold, this thread attends no more. Not in a handler.
    virtual bool serve(const std::function<bool()>& done, std::chrono::steady_clock::time_point until);

    /// Whether this end has RDMA FLUSH: when one is complete, what it names is durable, if its grant says so.
    virtual bool flushes() const { return false; }
    /// Whether this end, as the responder, makes durable what the peer wrote before it answers a read of it.
    virtual bool reads_persist() const = 0;
    /// A new window for this connection's peer, who may use it once he has a message that was sent after.
    /// ENOSPC beyond kMaximumWindows.
    virtual Result<Grant> grant(Translation translation, Access access) = 0;
    /// On return the window is dead: nothing in flight is placed or read through it any more. Unknown keys
    /// are ignored.
    virtual void revoke(Key key) = 0;

    /// Sends what is queued (for at most 5 s), then closes; on_close follows, with `why`. No new posts.
    virtual void close(Error why) = 0;
    virtual Peer peer() const = 0;
};

class Attending {
public:
    explicit Attending(std::shared_ptr<Connection> connection)
        : connection_(std::move(connection)), attends_(connection_ && connection_->attend()) {}
    ~Attending() {
        if (attends_)
            connection_->leave();
    }
    Attending(const Attending&) = delete;
    Attending& operator=(const Attending&) = delete;

private:
    const std::shared_ptr<Connection> connection_;
    const bool attends_;
};

class Handler {
public:
    virtual ~Handler() = default;
    virtual void on_message(std::span<const std::byte> message) = 0;  ///< valid during the call
    virtual void on_completion(std::uint64_t tag,
                               const Status& status) = 0;  ///< of write and read, in order of posting
    /// ECONNRESET, ETIMEDOUT, EACCES (a Terminate: the message says which rule was broken), ESHUTDOWN
    /// (orderly end by the peer), or what close() was given. All posts have been completed, with an error,
    /// before it; all windows are dead.
    virtual void on_close(const Error& why) = 0;
};

/// Makes a handler for a connection just established. The engine holds the handler until its on_close has
/// returned; the handler may hold the connection (and lets it go in on_close). nullptr: refuse.
using Acceptor = std::function<std::shared_ptr<Handler>(std::shared_ptr<Connection>)>;

class Listener {
public:
    virtual ~Listener() = default;  ///< stops accepting; accepted connections live on
    /// From now on; see EngineOptions::accept_at_once. Once.
    virtual void accept() = 0;
    virtual Address address() const = 0;  ///< with the port really taken
};

class Engine {
public:
    virtual ~Engine() = default;  ///< closes all that is left, joins its threads; every on_close has returned
    virtual const char* name() const = 0;
    /// Blocks until established or `timeout_ms` passed. ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, EPROTO (not
    /// iWARP there).
    virtual Result<std::shared_ptr<Connection>> connect(const Address& address,
                                                        std::shared_ptr<Handler> handler,
                                                        unsigned timeout_ms) = 0;
    /// EADDRINUSE with a sentence that names the address.
    virtual Result<std::unique_ptr<Listener>> listen(const Address& address, Acceptor acceptor) = 0;
};

struct EngineOptions {
    /// false: who connects waits in the kernel, and no byte of his is read, till Listener::accept().
    bool accept_at_once = true;
    bool announce =
        false;  ///< "auto" says which engine it took, and why, as a notice; at level info otherwise
    unsigned threads = 2;             ///< reactor threads
    unsigned poll_us = 0;             ///< who serves a connection asks its device so long before it sleeps
    bool crc = true;                  ///< ask for the MPA CRC; it is used if either side asks
    unsigned outstanding_reads = 16;  ///< IRD and ORD
    unsigned start_up_timeout_ms = 10'000;
    unsigned idle_timeout_ms =
        60'000;  ///< a peer whose host is gone is noticed within this (TCP keep-alive, TCP_USER_TIMEOUT)
};

/// "iwarp", "verbs" or "auto" (verbs when a device reaches the peer, else iwarp; one log line says which and
/// why). Never falls back silently: ENODEV when "verbs" has no device.
Result<std::unique_ptr<Engine>> make_engine(const std::string& transport, const EngineOptions& options);

}  // namespace pmemckpt::rdma
