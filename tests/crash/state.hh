#pragma once
// What a pool is seen to hold, so that what was recovered can be compared with what was there.
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "lib/pool/pool.hh"

namespace pmemckpt::crash {

using Payload = std::vector<std::byte>;

struct State {
    /// All regions, generations, logs and cursors, a line each; a generation whose bytes have not its CRC is
    /// TORN.
    std::string tables;
    /// By log id: the payloads of the records that verify.
    std::map<std::uint64_t, std::vector<Payload>> logs;
    /// Whatever can't be right in any state: pages with two holders, or with none and not free; cursors
    /// ahead.
    std::string wrong;

    auto operator<=>(const State&) const = default;
    std::string describe() const;
};

State observe(pool::Pool& pool);
/// Of a pool that can't be opened: the same for all errors of a code.
State unopened(int code);

}  // namespace pmemckpt::crash
