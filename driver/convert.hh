#pragma once
// What the pool says, in the words of the wire.
#include "lib/pool/pool.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::driver {

wire::Region to_wire(const pool::RegionInfo& region);
wire::Generation to_wire(const pool::GenerationInfo& generation);
wire::Cursor to_wire(const pool::Cursor& cursor);
wire::PoolStatus to_wire(const std::string& name, const pool::PoolInfo& pool);

}  // namespace pmemckpt::driver
