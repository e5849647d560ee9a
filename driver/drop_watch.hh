#pragma once
// Which generations a step dropped: told by what was there before and after it.
#include <cstdint>
#include <vector>

#include "driver/events.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::driver {

class DropWatch {
public:
    static constexpr std::size_t kMaximum = 256;  // generations looked at, the oldest: these go first

    DropWatch(const pool::Pool& pool, pool::RegionInfo region);
    /// An event for each that is there no more.
    void publish(Events& events) const;

private:
    std::vector<std::uint64_t> numbers() const;

    const pool::Pool& pool_;
    const pool::RegionInfo region_;
    const std::vector<std::uint64_t> before_;
};

}  // namespace pmemckpt::driver
