#pragma once
// Where the view's generations come from. remote_source.hh asks a manager; a pool on a medium of this host
// could be another.
//
// Threads: every call may come from any thread. None waits without a limit. ENOTCONN: the source can't be
// reached now; a later call may find it again.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fuse/stream.hh"
#include "lib/base/exit_status.hh"
#include "lib/base/result.hh"
#include "lib/client/client.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::view {

/// Is it the way to the source that failed, and not the request?
inline bool is_connection_error(int code) {
    return exit_status(code) == kExitConnection;
}

/// A sealed generation, held: readable while this lives, whatever retention drops.
class Content {
public:
    virtual ~Content() = default;
    virtual const wire::Generation& generation() const = 0;
    /// Cut at the generation's end; otherwise all of `into`. ESTALE when the generation is gone after all
    /// (the source was away in between).
    virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) = 0;
};

/// The log behind one generation of a region: the bytes of its records, one after the other. There may be
/// none yet. Readable to its end also when a seal has ended it.
class LogContent : public Stream {
public:
    virtual std::uint64_t log_id() = 0;  ///< 0: none yet
    /// Now; of an ended log: for ever.
    virtual Result<std::uint64_t> size() = 0;
};

struct SourceStatus {
    std::string engine, server, principal, manager;
    std::uint64_t session_id = 0;
    std::uint64_t reconnects = 0;  ///< since the mount
    bool connected = false;
    std::string trouble;    ///< why it is not
    wire::PoolStatus pool;  ///< all 0 but its UUID when not connected
};

class Source {
public:
    virtual ~Source() = default;
    virtual Result<std::vector<wire::Region>> regions() = 0;
    virtual Result<std::vector<wire::Generation>> generations(const std::string& region) = 0;
    /// number 0: the newest. ENOENT; ENODATA when the region has none.
    virtual Result<wire::Generation> find_generation(const std::string& region, std::uint64_t number) = 0;
    virtual Result<std::shared_ptr<Content>> open(const std::string& region, std::uint64_t number) = 0;
    /// Its newest generation, and the log behind it; log_id 0: there is none. ENOENT.
    virtual Result<wire::LogState> log(const std::string& region) = 0;
    /// The one that was looked at, held from here on; when there was none, the one that begins. ESTALE when
    /// it has ended.
    virtual Result<std::shared_ptr<LogContent>> open_log(const std::string& region,
                                                         const wire::LogState& log) = 0;
    /// How many bytes the first `records` records of this log have. ESTALE when it has ended; ERANGE.
    virtual Result<std::uint64_t> payload_before(const std::string& region, const wire::LogState& log,
                                                 std::uint64_t records) = 0;
    virtual Result<wire::Cursor> cursor(const std::string& region, const std::string& name) = 0;
    /// Durable on return. EINVAL when it would go back, or beyond what is there.
    /// ESTALE when another region or log was read than is there now.
    virtual Status advance_cursor(const std::string& region, const wire::Cursor& cursor,
                                  const client::ReadFrom& from) = 0;
    virtual Result<wire::PoolStatus> pool() = 0;
    virtual SourceStatus status() = 0;
};

}  // namespace pmemckpt::view
