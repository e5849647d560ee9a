#pragma once
// What --json prints: a stable interface, described in pmemckpt-ctl.1. Sizes are bytes; times are ISO 8601,
// UTC, and whole nanoseconds since 1970 beside them.
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/client/client.hh"
#include "lib/pool/pool.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::ctl {

/// A region and its newest generation, if it has one.
struct ListedRegion {
    wire::Region region;
    std::optional<wire::Generation> newest;
};

std::string created_pool_json(const pool::PoolInfo& pool, const std::string& key_path);
std::string created_key_json(const std::string& principal, const std::string& path);
std::string rotated_key_json(const std::string& principal, const std::string& path, std::int64_t overlap_s);
/// What revoke-key has ended.
struct EndedSessions {
    std::uint64_t sessions = 0, windows = 0;
};
/// None: no manager was asked.
std::string revoked_key_json(const std::string& principal, const EndedSessions& ended);
std::string region_json(const wire::Region& region);
/// Of a region that was cleared or destroyed: what it had.
std::string dropped_json(const wire::Region& region);
std::string regions_json(std::span<const ListedRegion> regions);
std::string grant_json(const std::string& region, const wire::Grant& grant);
std::string rights_json(const std::string& region, const wire::RightsList& list);
std::string generations_json(const std::string& region, std::span<const wire::Generation> generations);
std::string generation_json(const std::string& region, const wire::Generation& generation);
std::string restored_json(const std::string& region, const wire::Generation& generation,
                          const std::string& file, std::span<const client::Skipped> skipped);
std::string taken_over_json(const wire::TakenOver& taken);
std::string cursor_json(const std::string& region, const wire::Cursor& cursor);
std::string cursors_json(const std::string& region, std::span<const wire::Cursor> cursors);

/// What append did.
struct Appended {
    std::uint64_t generation = 0, records = 0, bytes = 0;
    std::uint64_t last = 0;  ///< sequence number
    std::uint8_t durability = 0;
};
std::string appended_json(const std::string& region, const Appended& appended);

/// What a run of read brought to disk.
struct ReadBack {
    std::vector<std::uint64_t> generations;
    std::vector<client::Skipped> damaged;
    wire::Cursor reached;       ///< how far: the newest generation, and the records of its log
    std::uint64_t records = 0;  ///< new ones
};
std::string read_json(const std::string& region, const std::string& directory, const ReadBack& read);

/// These are a line each, for streams of them.
std::string read_line(const std::string& region, const std::string& directory, const ReadBack& read);
std::string event_line(const std::string& region, const wire::Event& event);
std::string record_line(const std::string& region, const client::Record& record);

}  // namespace pmemckpt::ctl
