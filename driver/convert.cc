#include "driver/convert.hh"

namespace pmemckpt::driver {

wire::Region to_wire(const pool::RegionInfo& region) {
    wire::Region out;
    out.id = region.id;
    out.name = region.name;
    out.owner = region.owner;
    out.keep = region.settings.keep;
    out.max_size = region.settings.max_size;
    out.epoch = region.epoch;
    out.newest = region.newest;
    out.generations = region.generations;
    out.bytes = region.bytes;
    out.created_ns = region.created_ns;
    out.keep_age_ns = region.settings.keep_age_ns;
    out.log_id = region.log.id;
    out.log_records = region.log.records;
    out.log_bytes = region.log.bytes;
    return out;
}

wire::Generation to_wire(const pool::GenerationInfo& generation) {
    wire::Generation out;
    out.region_id = generation.region_id;
    out.number = generation.number;
    out.length = generation.length;
    out.crc32c = generation.crc32c;
    out.durability = static_cast<std::uint8_t>(generation.durability);
    out.sealed_ns = generation.sealed_ns;
    out.epoch = generation.epoch;
    out.writer = generation.writer;
    out.pinned = generation.pinned ? 1 : 0;
    return out;
}

wire::Cursor to_wire(const pool::Cursor& cursor) {
    return {cursor.name, cursor.generation, cursor.sequence};
}

wire::PoolStatus to_wire(const std::string& name, const pool::PoolInfo& pool) {
    wire::PoolStatus out;
    out.name = name;
    out.uuid = pool.uuid;
    out.size = pool.size;
    out.page_size = pool.page_size;
    out.pages = pool.pages;
    out.free_pages = pool.free_pages;
    out.regions = pool.regions;
    out.generations = pool.generations;
    out.durability = static_cast<std::uint8_t>(pool.durability);
    return out;
}

}  // namespace pmemckpt::driver
