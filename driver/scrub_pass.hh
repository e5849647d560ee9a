#pragma once
// A pass of the scrub: each generation that is kept, of all pools, read once and compared with its checksum.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "driver/served_pools.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::driver {

/// A generation that was read to its end, or as far as the disk gave it.
struct ScrubVerdict {
    std::shared_ptr<const ServedPool> served;
    std::string region;
    pool::GenerationInfo generation;
    std::optional<std::uint32_t> found_crc32c;  ///< none when it could not be read
    std::string damage;                         ///< a sentence; empty: it is good
};

struct ScrubStep {
    std::uint64_t bytes = 0;              ///< that were read
    std::optional<ScrubVerdict> verdict;  ///< of the generation that ended with this step
    bool over = false;                    ///< there is no generation behind this place
};

/// Pool by pool, regions by name, generations from the oldest on; each pass goes the same way, so the one
/// whose last look is the longest ago is always next. What comes to be before the place where the pass is
/// (seals, regions, a region destroyed and made anew) is left to the next one.
///
/// Nothing is held, no lock and no page: a dropped generation's pages are free at once for the writer who
/// needs them, and after each piece it is asked whether the generation is still kept. If so the bytes were
/// its own; if not, nothing is said of it.
/// Threads: one at a time.
class ScrubPass {
public:
    /// Of pools that are added later as well.
    explicit ScrubPass(const ServedPools& pools) : pools_(pools) {}
    /// Reads at most so many bytes of one generation. Waits for the disk.
    ScrubStep step(std::uint64_t maximum_bytes);

private:
    struct Reading {
        std::shared_ptr<const ServedPool> served;
        std::string region;
        pool::GenerationInfo generation;
        std::uint64_t at = 0;  ///< bytes read
        std::uint32_t crc32c = 0;
    };
    enum class Found { generation, nothing_yet, end };
    Found look_on();
    bool next_generation(const std::shared_ptr<const ServedPool>& served);
    bool next_region(const ServedPool& served);
    ScrubStep read(std::uint64_t maximum_bytes);
    ScrubStep end(std::optional<std::uint32_t> found, std::string damage, std::uint64_t bytes);

    const ServedPools& pools_;
    std::size_t pool_ = 0;      ///< its place among the pools
    std::string region_;        ///< in that pool; empty: before the first
    std::uint64_t number_ = 0;  ///< in that region: the last that was begun
    std::optional<Reading> reading_;
};

/// Whether it is kept at this moment, in the very region that it was sealed in.
bool is_kept(const pool::Pool& pool, const std::string& region, std::uint64_t region_id,
             std::uint64_t number);

/// The bytes of all generations that are kept now: what a pass has before it.
std::uint64_t kept_bytes(const ServedPools& pools);

}  // namespace pmemckpt::driver
