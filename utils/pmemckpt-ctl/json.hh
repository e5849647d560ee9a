#pragma once
// What --json prints: a stable interface, described in pmemckpt-ctl.1. Sizes are bytes; times are ISO 8601,
// UTC, and whole nanoseconds since 1970 beside them.
#include <optional>
#include <span>
#include <string>
#include <vector>

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
std::string region_json(const wire::Region& region);
std::string destroyed_json(const wire::Region& region);
std::string regions_json(std::span<const ListedRegion> regions);
std::string generations_json(const std::string& region, std::span<const wire::Generation> generations);
std::string saved_json(const std::string& region, const wire::Generation& generation);
std::string restored_json(const std::string& region, const wire::Generation& generation,
                          const std::string& file);

}  // namespace pmemckpt::ctl
