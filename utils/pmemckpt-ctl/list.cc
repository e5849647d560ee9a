// pmemckpt-ctl list: regions, generations, pools, sessions.
#include <cerrno>
#include <vector>

#include "lib/base/units.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/duration.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/manager_status.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr auto kRight = Table::Align::right;

/// Nothing when it was dropped since it was listed, or can't be read by who asks.
template <class Found>
Result<std::optional<Found>> unless_gone(Result<Found> found) {
    if (!found &&
        (found.error().code == ENOENT || found.error().code == ENODATA || found.error().code == EACCES))
        return std::nullopt;
    return TRY(std::move(found));
}

/// With the newest generation of each; a region that is dropped meanwhile has none.
Result<std::vector<ListedRegion>> regions_with_newest(client::Client& client) {
    std::vector<ListedRegion> listed;
    for (auto& region : TRY(client.regions())) {
        ListedRegion one{region, std::nullopt};
        // Records come one-sided: asked for one region, the manager looks how many there are by now.
        if (region.log_id != 0)
            one.region = TRY(unless_gone(client.find_region(region.name))).value_or(region);
        if (region.newest > 0)
            one.newest = TRY(unless_gone(client.find_generation(region.name)));
        listed.push_back(std::move(one));
    }
    return listed;
}

std::string regions_table(const std::vector<ListedRegion>& regions) {
    Table table({{"NAME"},
                 {"GENERATIONS", kRight},
                 {"NEWEST", kRight},
                 {"LENGTH", kRight},
                 {"SEALED"},
                 {"RECORDS", kRight},
                 {"LOG-BYTES", kRight},
                 {"KEEP", kRight},
                 {"KEEP-AGE", kRight},
                 {"MAX-SIZE", kRight},
                 {"OWNER"},
                 {"RIGHTS"}});
    for (const auto& [region, newest] : regions)
        table.add(
            {region.name, std::to_string(region.generations), newest ? std::to_string(newest->number) : "-",
             newest ? std::to_string(newest->length) : "-", newest ? local_time(newest->sealed_ns) : "-",
             region.log_id ? std::to_string(region.log_records) : "-",
             region.log_id ? std::to_string(region.log_bytes) : "-", std::to_string(region.keep),
             format_duration(region.keep_age_ns), region.max_size ? format_size(region.max_size) : "-",
             region.owner, rights_name(region.rights)});
    return table.text();
}

std::string generations_table(const std::vector<wire::Generation>& generations) {
    Table table({{"NUMBER", kRight},
                 {"LENGTH", kRight},
                 {"SEALED"},
                 {"CRC32C"},
                 {"DURABILITY"},
                 {"PINNED"},
                 {"WRITER"}});
    for (const auto& generation : generations)
        table.add({std::to_string(generation.number), std::to_string(generation.length),
                   local_time(generation.sealed_ns), crc32c_text(generation.crc32c),
                   durability_name(generation.durability), generation.pinned ? "yes" : "-",
                   generation.writer});
    return table.text();
}

Status list_regions(const Common& common) {
    const auto client = TRY(client::Client::connect(common.connection));
    const auto regions = TRY(regions_with_newest(*client));
    return print(common.json ? regions_json(regions) : regions_table(regions));
}

Status list_generations(const Common& common, const std::string& region) {
    TRY(pool::check_region_name(region));
    const auto client = TRY(client::Client::connect(common.connection));
    const auto generations = TRY(client->generations(region));
    return print(common.json ? generations_json(region, generations) : generations_table(generations));
}

}  // namespace

Status list(const Common& common, const List& request) {
    if (request.pools)
        return list_pools(common);
    if (request.sessions)
        return list_sessions(common);
    return request.region.empty() ? list_regions(common) : list_generations(common, request.region);
}

}  // namespace pmemckpt::ctl
