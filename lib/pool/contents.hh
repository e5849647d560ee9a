#pragma once
// What a pool's tables name, piece by piece, on a medium that may be damaged or cut short.
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "lib/base/result.hh"
#include "lib/pool/catalog.hh"
#include "lib/pool/page_store.hh"
#include "lib/pool/region_log.hh"

namespace pmemckpt::pool {

/// No piece that is handed out is longer.
inline constexpr std::uint64_t kPieceBytes = 8 * kMiB;
using PieceTaker = std::function<Status(std::span<const std::byte>)>;

/// The content of a generation, in its order. The taker's error ends it; EBADMSG when a page lies beyond the
/// medium's end, or can't be read from the disk.
Status for_each_piece(std::span<const std::byte> medium, const PageStore& store,
                      const KeptGeneration& generation, const PieceTaker& taker);

/// EBADMSG, with both checksums in its sentence, when it is not the sealed one.
Status check_checksum(const KeptGeneration& generation, std::uint32_t crc32c);

/// A log's good records, and what looks like one behind them.
struct LogContents {
    LogPlace end;
    /// A record of the log's present opening that verifies behind the end: one before it is damaged, or was
    /// never durable.
    std::optional<std::uint64_t> later_sequence;
    std::uint64_t later_at = 0;  ///< where that one begins, bytes from the log's start
};
/// EBADMSG when a page lies beyond the medium's end, or can't be read from the disk. The region has a log.
Result<LogContents> look_at_log(std::span<const std::byte> medium, const PageStore& store,
                                const Region& region);

/// The payloads of the good records up to `end`, in pieces, one record after the other.
Status for_each_payload(std::span<const std::byte> medium, const PageStore& store, const RegionLog& log,
                        const LogPlace& end, const PieceTaker& taker);

/// What verifies behind a log's end: records that nothing leads to any more.
struct LaterRecords {
    std::uint64_t count = 0, payload_bytes = 0;
    std::uint64_t first = 0, last = 0;  ///< sequences; there may be gaps between them
};
/// Which records behind the end count as later ones: not those that an older opening left there.
struct LaterBounds {
    std::uint64_t log_id = 0;
    std::uint64_t epoch = 0;       ///< of the region: no later one
    std::uint32_t least_term = 0;  ///< no earlier opening
};
/// Their payloads, in pieces, one record after the other.
Result<LaterRecords> for_each_later_payload(std::span<const std::byte> medium, const PageStore& store,
                                            const RegionLog& log, const LaterBounds& bounds,
                                            const LogPlace& end, const PieceTaker& taker);

/// How many of a log's pages can be read, up to the first that lies beyond the medium's end or that the disk
/// can't give.
std::uint64_t readable_pages(std::span<const std::byte> medium, const PageStore& store, const RegionLog& log);

}  // namespace pmemckpt::pool
