#pragma once
// What primaries and backups call, in C++. The C API (pmemckpt.h) is a thin layer over it, and so are the programs.
//
// Threads: a Client may be used from many threads; a Writer or Reader from one at a time. Calls block until their
// answer is there; nothing here has a retry of its own. When the connection is lost every call fails at once with
// ECONNRESET (or ETIMEDOUT, ...) and a sentence; connect anew. Unsealed generations of a lost connection are gone.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/result.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::client {

/// Where to connect, and as whom. Empty fields are taken from the environment, then from defaults.
struct Options {
    std::string server;     ///< HOST[:PORT]; $PMEMCKPT_SERVER, localhost
    std::string pool;       ///< name or UUID; $PMEMCKPT_POOL, the manager's first
    std::string principal;  ///< $PMEMCKPT_PRINCIPAL, the login name of this process's user
    std::string key_dir;    ///< $PMEMCKPT_KEY_DIR, /etc/pmemckpt/keys
    std::string transport;  ///< $PMEMCKPT_TRANSPORT, auto
    unsigned timeout_ms = 10'000;  ///< to connect and authenticate; also how long a plain request may take beyond its work
};
/// The same with every field filled in.
Options with_defaults(Options options);

struct RegionSettings {
    std::uint32_t keep = 0;      ///< 0: the manager's default, 8
    std::uint64_t max_size = 0;  ///< bytes of a generation; 0: no limit
};

class Session;   // the connection and its outstanding requests: session.hh
class Transfer;  // operations in flight of one writer or reader: transfer.hh

/// Memory that writes are sent from in place. Register once, use for many writes.
class Buffer {
public:
    virtual ~Buffer() = default;
    virtual std::span<std::byte> bytes() const = 0;
};

/// A generation being written. Not sealed when it goes: it is dropped and nobody ever sees it.
class Writer {
public:
    ~Writer();
    std::uint64_t size() const;
    /// RDMA Write of buffer bytes [from, from + size) to `offset`. Returns when it is queued (waits while too many are in
    /// flight); the bytes must stay as they are until flush() returned. ERANGE outside [0, size()).
    Status write(std::uint64_t offset, const std::shared_ptr<Buffer>& buffer, std::uint64_t from, std::uint64_t size);
    /// The same from memory not registered before; the bytes must stay as they are until flush() returned.
    Status write(std::uint64_t offset, std::span<const std::byte> bytes);
    /// Waits until all writes have left this process: their memory may be changed again. Nothing is durable yet.
    Status flush();
    /// Flushes, seals the first `length` bytes (size() when not given), returns when the generation is durable.
    /// The checksum of what was meant is compared when the writes, in order, covered [0, length) without overlap.
    Result<wire::Generation> seal(std::optional<std::uint64_t> length = {});
    /// Drops it; also what the destructor does.
    Status abort();

private:
    friend class Client;
    struct State;
    explicit Writer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// A sealed generation, open: stays readable while this lives, whatever retention drops.
class Reader {
public:
    ~Reader();
    const wire::Generation& generation() const;
    /// RDMA Read of [offset, offset + into.size()), cut at the generation's end; returns how many bytes were read (0 at the
    /// end or beyond). Split into several reads in flight at once. May be called from several threads.
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into);

private:
    friend class Client;
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class Client {
public:
    /// Connects and authenticates both ways. ECONNREFUSED, ETIMEDOUT, ENOENT (no such pool, no key file), EKEYREJECTED
    /// (the key is not this principal's, or the manager has another pool key than it should), EPROTONOSUPPORT.
    static Result<std::shared_ptr<Client>> connect(const Options& options);
    ~Client();

    const wire::Welcome& welcome() const;
    const wire::Uuid& pool_uuid() const;
    const Options& options() const;
    /// What carries the connection: "iwarp" or "verbs".
    const char* engine() const;
    /// ok while the connection stands, else why it ended.
    Status state() const;

    Result<wire::Region> create_region(const std::string& name, RegionSettings settings, bool exclusive);
    Result<wire::Region> find_region(const std::string& name);
    Status destroy_region(const std::string& name);
    Result<std::vector<wire::Region>> regions();
    Result<std::vector<wire::Generation>> generations(const std::string& region);
    /// number 0: the newest. ENOENT, ENODATA when the region has none.
    Result<wire::Generation> find_generation(const std::string& region, std::uint64_t number = 0);
    Result<wire::PoolStatus> status();

    Result<std::shared_ptr<Buffer>> register_memory(std::span<std::byte> bytes);
    /// A draft of `size` bytes, all zero. EFBIG, ENOSPC, ENOENT.
    Result<std::unique_ptr<Writer>> begin(const std::string& region, std::uint64_t size);
    Result<std::unique_ptr<Reader>> open(const std::string& region, std::uint64_t number = 0);
    /// Waits for a generation above `after`; returns the newest. ETIMEDOUT after timeout_ms (UINT32_MAX: waits on).
    Result<wire::Generation> wait_generation(const std::string& region, std::uint64_t after, std::uint32_t timeout_ms);

private:
    explicit Client(std::shared_ptr<Session> session);
    std::shared_ptr<Session> session_;
};

}  // namespace pmemckpt::client
