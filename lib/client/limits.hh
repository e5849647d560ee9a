#pragma once
// Every limit of a client, in one place. Times are generous: they end what hangs, they don't measure anybody.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lib/base/units.hh"

namespace pmemckpt::client {

using Milliseconds = std::chrono::milliseconds;

/// Unanswered requests of one connection; a manager takes no more unless told (its requests_per_session).
inline constexpr std::size_t kMaximumRequests = 128;
inline constexpr std::size_t kMaximumName = 255;  ///< bytes of a region's, a pool's or a principal's name
inline constexpr std::size_t kMaximumListed =
    1 << 20;  ///< regions, or generations of one region, in one listing

inline constexpr std::uint64_t kPieceBytes = kMiB;  ///< the largest single RDMA Write or Read
inline constexpr std::size_t kWritesInFlight = 16;  ///< pieces of one writer
inline constexpr std::size_t kReadsInFlight = 8;    ///< pieces of one read(); the engine's ORD is 16

inline constexpr std::size_t kMaximumExtents = 256;  ///< separate written ranges whose checksum is kept

/// Beyond Options::timeout_ms: what a request that only looks may take on a busy manager, and one that
/// changes the journal, on a slow disk.
inline constexpr Milliseconds kLookAllowance{20'000};
inline constexpr Milliseconds kChangeAllowance{120'000};
/// Begin blanks pages, seal reads and persists them: the slowest medium that is waited for.
inline constexpr std::uint64_t kSlowestBytesPerSecond = 2 * kMiB;
/// No write or read of a transfer ended for so long: the connection is given up.
inline constexpr Milliseconds kStallLimit{120'000};
/// How long a destructor waits for the answer to its close or abort, before it leaves that to the session.
inline constexpr Milliseconds kFarewellLimit{2'000};
/// From the first failed post to the engine's on_close, which has the reason.
inline constexpr Milliseconds kReasonLimit{10'000};
/// The engine's queue is full: when to look again (a send has no completion that would tell).
inline constexpr Milliseconds kPostAgain{2};
/// How long one who waits handles what comes himself, before he leaves that to the engine's threads.
inline constexpr Milliseconds kServes{1'000};
/// How soon one who looks every so often notices that the connection is lost.
inline constexpr Milliseconds kLookForLoss{100};
/// One wait_generation request; longer waits are made of several.
inline constexpr Milliseconds kWaitSlice{60'000};

/// Requests that nobody waits for (hints), not answered yet.
inline constexpr std::size_t kMaximumTold = 16;

/// A log's record: small ones are copied and go in batches.
inline constexpr std::size_t kCopiedRecord = 64 * kKiB;
inline constexpr std::size_t kStagingBlock = 256 * kKiB;  ///< bytes of one batch at most
inline constexpr std::size_t kStagingBlocks = 4;          ///< on their way at the same time
/// What a log asks for when it is opened, and at least at each growth. It grows by a quarter of itself: the
/// windows of one connection are few, and the free pages of a pool are not the log's alone.
inline constexpr std::uint64_t kLogRoom = kMiB;
inline constexpr std::uint64_t kLargestGrowth = 256 * kMiB;
inline constexpr Milliseconds kHintInterval{5};  ///< hints of one log, at most one in
/// What a log's reader reads at one time.
inline constexpr std::size_t kLogChunk = 512 * kKiB;
inline constexpr std::size_t kVerifyChunk = 4 * kMiB;  ///< what recover reads at one time

/// A state of a sync point is sent in pieces of so many bytes; one that has no more gets no larger
/// generation.
inline constexpr std::size_t kStagedState = 4 * kMiB;
inline constexpr std::uint32_t kKeptTables =
    2;  ///< of a participant of sync points; the older one is for people
/// What is done to a participant's regions while others wait for its table, as long as a coordinator waits.
inline constexpr Milliseconds kTableLimit{60'000};
/// States that are not held any more, and are dropped at one time.
inline constexpr std::size_t kMostLeftOver = 64;

/// No work takes longer: a size that no pool has must not become a time that no clock has.
inline constexpr std::chrono::hours kLongestWork{7 * 24};

/// The time limit of a request that works on `bytes` of a medium.
constexpr Milliseconds work_limit(std::uint64_t bytes) {
    const auto seconds =
        std::min<std::uint64_t>(bytes / kSlowestBytesPerSecond, std::chrono::seconds(kLongestWork).count());
    return kChangeAllowance + std::chrono::seconds(seconds);
}
static_assert(work_limit(UINT64_MAX) == kChangeAllowance + kLongestWork);

}  // namespace pmemckpt::client
