#pragma once
// A pool on a recording medium, the peers that write to it one-sided, and what they were told.
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/pool/pool.hh"
#include "tests/crash/line_medium.hh"
#include "tests/crash/state.hh"

namespace pmemckpt::crash {

class World {
public:
    /// Of these bytes, all persistent. Nobody has opened a pool on them.
    explicit World(std::vector<std::byte> image = std::vector<std::byte>(pool::kMinimumPoolSize));

    bool has_pool() const { return pool_ != nullptr; }
    pool::Pool& pool() { return *pool_; }
    LineMedium& medium() { return medium_; }
    std::span<std::byte> memory() { return memory_; }
    pool::CreateOptions options() const;
    /// Of the process that serves the pool.
    Status open();
    void close() { pool_.reset(); }

    /// A peer writes into a draft: its words are there in any order. Not flushed: seal() does that.
    void write(const pool::Draft& draft, std::uint64_t at, std::span<const std::byte> bytes);

    /// What is known of a log, by its id.
    struct Log {
        std::vector<Payload> written;  ///< by whoever had the log open
        std::size_t reported = 0;      ///< records that somebody was told are durable
    };
    const std::map<std::uint64_t, Log>& logs() const { return logs_; }
    void report(std::uint64_t log_id, std::size_t records);

    /// A peer opens a region's log for append, and has it open till it is revoked.
    Status open_log(const std::string& region, std::uint64_t room);
    Status grow_log(const std::string& region, std::uint64_t room);
    /// What ends a log, or gives it to another one, does this first: nothing is reported to its writer any
    /// more.
    void revoke_log(const std::string& region) { appenders_.erase(region); }
    /// Writes a record; not flushed yet. ESTALE when nobody has the log open.
    Status write_record(const std::string& region, const Payload& payload);
    /// As an engine does it before it answers a read: what was written is durable. Then the peer is told.
    Status flush_records(const std::string& region);

private:
    struct Appender {
        pool::LogGrant grant;
        std::uint64_t sequence = 0;          ///< of the record to come
        std::uint64_t end = 0, flushed = 0;  ///< in the log, bytes
    };
    std::vector<Extent> pieces(const Appender& appender, std::uint64_t from, std::uint64_t to) const;
    void put(const Appender& appender, std::uint64_t at, std::span<const std::byte> bytes);

    std::vector<std::byte> memory_;
    LineMedium medium_;
    std::unique_ptr<pool::Pool> pool_;
    std::map<std::string, Appender> appenders_;  ///< by region
    std::map<std::uint64_t, Log> logs_;
};

}  // namespace pmemckpt::crash
