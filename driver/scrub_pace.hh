#pragma once
// How fast the scrub may read: how much at a time, and how long before it may go on.
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "lib/base/units.hh"

namespace pmemckpt::driver {

inline constexpr std::uint64_t kMaximumScrubPiece = kMiB;
/// A piece counts as so many bytes at least: many small generations are many places on a disk.
inline constexpr std::uint64_t kLeastScrubCharge = 64 * kKiB;
/// A slow scrub reads small pieces, so many a second, not a large one now and then.
inline constexpr std::uint64_t kScrubPiecesPerSecond = 16;

/// Of a bandwidth in bytes a second, not 0. Each piece is followed by its own pause, and nothing is saved up:
/// a piece that came late makes no later one come sooner.
class ScrubPace {
public:
    using Duration = std::chrono::nanoseconds;
    explicit constexpr ScrubPace(std::uint64_t bandwidth) : bandwidth_(bandwidth) {}

    /// The most that is read at a time, in bytes: whole blocks of 4 KiB.
    constexpr std::uint64_t piece() const {
        const auto share = bandwidth_ / kScrubPiecesPerSecond / kBlock * kBlock;
        return std::clamp(share, kBlock, kMaximumScrubPiece);
    }
    /// From the beginning of a piece of so many bytes, at most piece(), to that of the next one.
    constexpr Duration pause(std::uint64_t bytes) const {
        const auto charge = std::max(bytes, std::min(kLeastScrubCharge, piece()));
        return Duration(static_cast<Duration::rep>(divide_up(charge * kNanoseconds, bandwidth_)));
    }

private:
    static constexpr std::uint64_t kBlock = 4 * kKiB;
    static constexpr std::uint64_t kNanoseconds = 1'000'000'000;  // a second
    std::uint64_t bandwidth_;
};

}  // namespace pmemckpt::driver
